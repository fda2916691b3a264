//! Answers 503 while this replica cannot serve truthfully: what other replicas changed may not have reached it.
//! Tested in `src/tests/replicas.rs`.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use host_service::sync_state::SyncState;

use crate::problem::{Problem, kinds};

/// What does not depend on connections and plugins, and is looked at if something is wrong.
const ALWAYS: [&str; 4] = ["/health", "/ready", "/metrics", "/api/v1/replicas"];

/// Answers a request once this replica serves all changes of the others.
pub(crate) async fn check(State(sync): State<SyncState>, request: Request, next: Next) -> Response {
    if ALWAYS.contains(&request.uri().path()) || sync.is_current().await {
        return next.run(request).await;
    }
    let detail = "this replica cannot tell what the others have changed, since its database does not respond in time: try again, \
                  or ask another replica";
    Problem::of(kinds::UNAVAILABLE, detail).into_response()
}
