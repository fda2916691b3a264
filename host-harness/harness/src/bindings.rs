//! The one door to generated code: the contract's types and calls, and their way to the host's own types.
//!
//! The generated types are those of the current version. The component model types structurally, so they also fit an
//! earlier version wherever it says the same; what it says differently is in `v0_1_0.rs`.

mod from_guest;
mod function;
mod generated;
mod linker;
mod to_guest;
pub(crate) mod v0_1_0;

pub(crate) use from_guest::Bounded;
pub(crate) use function::{Function, Versioned};
pub(crate) use generated::{contract, exports};
pub(crate) use linker::linker;
pub(crate) use to_guest::{delivery, erasures, preferences, settings, subject};
