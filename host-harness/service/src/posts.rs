//! What is posted to operators and to platforms: alarms and consent events, signed.

mod alarms;
pub(crate) mod forward;
pub(crate) mod post;

use std::sync::Arc;

use host_harness::clock::Clock;
use host_store::Store;

use crate::telemetry::Telemetry;

/// Posts until what is posted is taken. Clones share everything.
#[derive(Clone)]
pub(crate) struct Posts {
    pub(crate) poster: post::Poster,
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) telemetry: Telemetry,
}
