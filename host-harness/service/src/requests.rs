//! Requests: durable pieces of work, accepted only once stored and never lost after that.
//!
//! The queue is independent of the kinds of requests. `accept` stores a request, `worker` claims due requests,
//! `attempt` lets the [`handler`] of the kind carry them out, and `end` stores the result. A request's row is its
//! place in the queue. What an attempt changes, it changes in one transaction, and only while its claim is valid.

pub mod accept;
pub(crate) mod attempt;
pub mod callback;
mod contradicted;
mod counted;
mod end;
pub(crate) mod ends;
pub mod forecast;
pub mod handler;
pub(crate) mod history;
pub(crate) mod late;
mod limit_queues;
pub mod person_context;
pub(crate) mod put;
pub mod quotas;
pub(crate) mod replay;
mod reveal;
pub mod standing;
pub mod wait;
pub(crate) mod worker;

use std::sync::Arc;

use host_harness::clock::Clock;
use host_store::Store;

use tokio_util::sync::CancellationToken;

use self::{ends::Ends, handler::Handlers};
use crate::{bell::Bell, limits::StoredLedger, served::Served};

/// Accepts requests and forecasts when they will run. Clones share everything.
#[derive(Clone)]
pub struct Requests {
    pub(crate) served: Served,
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    /// Counts against the vendors' long-term limits.
    pub(crate) ledger: Arc<StoredLedger>,
    /// Rung when a request may have become due.
    pub(crate) bell: Bell,
    pub(crate) handlers: Handlers,
    /// Announces the ends of requests.
    pub(crate) ends: Ends,
    /// Cancelled when the service stops.
    pub(crate) stopping: CancellationToken,
}
