//! The erasure ledger: a file beside the database that lists whom the service erased, by keyed hashes. A backup does not
//! know of the erasures that came after it; `restore` finds them here.

pub mod entry;
pub mod ledger;
pub mod reapply;
