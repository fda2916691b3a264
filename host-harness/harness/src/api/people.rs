//! People whom the service once took for one.

use std::sync::Arc;

use axum::{Router, extract::State, routing::get};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use super::{Caller, Problem};
use crate::{
    service::Shared,
    store::merged::{self, Merged},
};

#[derive(OpenApi)]
#[openapi(paths(shared_records))]
pub(super) struct Part;

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new().route("/api/v1/people/merged", get(shared_records))
}

/// Connections with people who shared one record, until they were told apart.
#[derive(Serialize, ToSchema)]
struct SharedRecords {
    /// In the order of their keys; empty if there are none.
    connections: Vec<Merged>,
}

/// Lists the connections that the API key reaches where several people shared one record, because they share an identifier that
/// identifies nobody there. Check their requests: an opt-out or erasure may have been refused or carried out for the wrong one.
#[utoipa::path(get, path = "/api/v1/people/merged", tag = "service",
    responses((status = 200, body = SharedRecords)))]
async fn shared_records(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
) -> Result<axum::Json<SharedRecords>, Problem> {
    let tenants = caller.tenants();
    let merged = shared.store.read(|c| Box::pin(async move { merged::merged(c, tenants.as_deref()).await }));
    Ok(axum::Json(SharedRecords { connections: merged.await? }))
}
