//! Requests: durable pieces of work, each accepted only once it is stored and never lost after that.
//!
//! `accept` stores one, `worker` carries out what is due, `retry` says what an attempt's end means. A request's row is
//! its place in the queue; what an attempt changes, it changes in one transaction, and only while its claim holds.

pub mod accept;
pub(crate) mod attempt;
pub mod forecast;
pub(crate) mod worker;

pub use host_model::requests::*;
