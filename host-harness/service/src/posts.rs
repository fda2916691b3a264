//! Posts to operators and platforms: alarms, consent events and the ends of requests.

mod alarms;
pub(crate) mod callbacks;
mod fides;
pub(crate) mod forward;
pub(crate) mod post;

use std::sync::Arc;

use host_harness::clock::Clock;
use host_store::Store;

use crate::telemetry::Telemetry;

/// What is left to post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backlog {
    /// There may be more that is due.
    More,
    /// Nothing is due.
    Empty,
}

/// Posts messages until they are accepted. Clones share everything.
#[derive(Clone)]
pub(crate) struct Posts {
    pub(crate) poster: post::Poster,
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) telemetry: Telemetry,
}
