//! The only module that uses generated code: the contract's types and calls, and their conversion to the host's own
//! types.
//!
//! The generated types are those of the current version. The component model uses structural typing, so they also match
//! the unchanged parts of an earlier version; the parts that differ are in `v0_1_0.rs`.

mod from_guest;
mod function;
mod generated;
mod guest_text;
mod linker;
mod to_guest;
pub(crate) mod v0_1_0;

pub(crate) use from_guest::Bounded;
pub(crate) use function::{Function, Versioned};
pub(crate) use generated::{contract, exports};
pub(crate) use linker::linker;
pub(crate) use to_guest::{delivery, erasures, preferences, settings, subject};
