//! A service in a folder of its own, for tests here and in the crates above.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    missing_docs,
    reason = "a test that cannot have its service ends"
)]

pub mod bench;
pub mod inbox;
