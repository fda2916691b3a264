//! Requests: durable pieces of work, each accepted only once it is stored and never lost after that.
//!
//! The queue knows no application. `accept` stores a request, `worker` claims what is due, `attempt` has its [`handler`] carry
//! it out, `end` stores what came of it. A request's row is its place in the queue; what an attempt changes, it changes in one
//! transaction, and only while its claim holds.

pub mod about;
pub mod accept;
pub(crate) mod attempt;
mod end;
pub mod forecast;
pub mod handler;
pub(crate) mod late;
pub(crate) mod put;
mod replay;
pub(crate) mod worker;

use std::sync::Arc;

use host_harness::clock::Clock;
use host_store::Store;

use crate::{bell::Bell, limits::StoredLedger, requests::handler::Handlers, served::Served};

/// Accepts requests and says when they will run. Clones share everything.
#[derive(Clone)]
pub struct Requests {
    pub(crate) served: Served,
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    /// Counts the vendors' long limits.
    pub(crate) ledger: Arc<StoredLedger>,
    /// Rung when a request may have become due.
    pub(crate) bell: Bell,
    pub(crate) handlers: Handlers,
}
