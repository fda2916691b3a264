//! The suites: host and guests together, one binary on one engine.

mod egress;
mod isolation;
mod iterable;
mod limits;
mod load;
mod swap;
