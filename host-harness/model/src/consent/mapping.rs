//! The mapping from the vendor's items to notices.

mod change;
mod check;
mod file;
pub(super) mod item;
pub mod kind;
mod marks;
mod merge;

pub use change::{ItemChange, changes};
pub use check::{MappingProblem, MappingProblemKind, check};
pub use file::{MappingFile, NotAMapping};
pub use item::{ConsentableItem, StoredItem};
pub use marks::{MarkBasis, SavedPlace, mark};
pub use merge::{MergedMapping, merge};

#[cfg(test)]
mod tests;
