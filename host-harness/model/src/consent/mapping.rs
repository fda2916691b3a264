//! The mapping from the vendor's items to notices.

mod check;
mod file;
pub(super) mod item;
pub mod kind;
mod merge;

pub use check::{MappingProblem, MappingProblemKind, check};
pub use file::{MappingFile, NotAMapping};
pub use item::{ConsentableItem, StoredItem};
pub use merge::{MergedMapping, merge};

#[cfg(test)]
mod tests;
