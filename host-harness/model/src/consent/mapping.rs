//! Which of the vendor's items stand for which notice.

mod check;
mod file;
pub(super) mod item;
pub mod kind;
mod merge;

pub use check::{MappingProblem, WrongMapping, check};
pub use file::{MappingFile, NotAMapping};
pub use item::{ConsentableItem, StoredItem};
pub use merge::{Merged, merge};

#[cfg(test)]
mod tests;
