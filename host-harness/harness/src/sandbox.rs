//! One call: a fresh store and instance for one tenant, bounded in every direction, dropped on any end.
//!
//! This module is how calls are seen from outside. Inside the crate its parts are imported from their own files: most stand
//! far below [`Calls`].

pub(crate) mod about;
pub(crate) mod failure;
mod handed;
mod host_time;
pub(crate) mod instance;
pub(crate) mod masks;
pub(crate) mod meter;
pub(crate) mod state;
pub(crate) mod ticks;

#[cfg(feature = "measure")]
pub use crate::calls::measure;
pub use crate::calls::{CallResult, Calls, LONGEST_SETTLING, Runtime, UNTOLD};
pub use host_model::failure::{CallFailure, FailureKind};
