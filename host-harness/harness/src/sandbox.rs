//! The sandbox of a call: a new store and instance for one tenant, limited in every respect and dropped at the end.
//!
//! This module is the public interface to calls. Inside the crate, its parts are imported from their own files, since
//! most of them are at a lower level than [`Calls`].

mod backtrace;
pub(crate) mod call_subject;
pub(crate) mod failure;
mod handed;
mod host_time;
pub(crate) mod instance;
pub(crate) mod masks;
pub(crate) mod meter;
pub(crate) mod people_search;
pub(crate) mod state;
pub(crate) mod ticks;

#[cfg(feature = "measure")]
pub use crate::calls::measure;
pub use crate::calls::{CallResult, Calls, CallsRecord, DEFAULT_SETTLING, MAX_SETTLING, Recorder, Runtime};
pub use host_model::failure::{CallFailure, FailureKind};
