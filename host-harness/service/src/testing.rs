//! A service in its own folder, for tests in this crate and the crates above it.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    missing_docs,
    reason = "a test ends if its service does not start"
)]

pub mod bench;
pub mod inbox;
#[cfg(test)]
pub(crate) mod releases;
