//! The suites: host and guests together, in one binary and on one engine.

#![expect(clippy::unwrap_used, clippy::panic, reason = "an unexpected result fails the test")]

mod conformance;
mod connections;
mod egress;
mod isolation;
mod iterable;
mod limits;
mod load;
mod shadow;
mod swap;
mod trust;
mod vouching;
#[cfg(unix)]
mod watch;
