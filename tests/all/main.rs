//! The suites: host and guests together, one binary on one engine.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what is not as expected has failed the test")]

mod connections;
mod egress;
mod isolation;
mod iterable;
mod limits;
mod load;
mod swap;
