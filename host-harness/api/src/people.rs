//! People whom the service once took for one.

use axum::{Router, extract::State, routing::get};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use super::{caller::Caller, problem::Problem};
use crate::state::Api;
use host_store::Store;
use host_store::merged;

#[derive(OpenApi)]
#[openapi(paths(shared_records))]
pub(super) struct Part;

pub(super) fn routes() -> Router<Api> {
    Router::new().route("/api/v1/people/merged", get(shared_records))
}

/// Connections with people who shared one record, until they were told apart.
#[derive(Serialize, ToSchema)]
struct SharedRecords {
    /// In the order of their keys; empty if there are none.
    connections: Vec<Merged>,
}

/// A connection with people who once shared a record.
#[derive(Serialize, ToSchema)]
struct Merged {
    /// The connection's key.
    connection: String,
    /// Whose it is.
    tenant: String,
    /// The identifier kinds that its people are keyed by now, separated by blanks.
    identifying: String,
    /// When the last of them were split, in milliseconds since 1970 in UTC.
    split_at: i64,
    /// How many records several people shared.
    records: i64,
    /// How many people shared them.
    people: i64,
    /// How many requests were accepted for such a record before.
    requests: i64,
    /// Their ids, newest first, at most 1,000.
    request_ids: Vec<String>,
}

impl From<merged::Merged> for Merged {
    fn from(merged: merged::Merged) -> Self {
        let merged::Merged {
            connection,
            tenant,
            identifying,
            split_at,
            records,
            people,
            requests,
            request_ids,
        } = merged;
        Self { connection, tenant, identifying, split_at, records, people, requests, request_ids }
    }
}

/// Lists the connections that the API key reaches where several people shared one record, because they share an identifier that
/// identifies nobody there. Check their requests: an opt-out or erasure may have been refused or carried out for the wrong one.
#[utoipa::path(get, path = "/api/v1/people/merged", tag = "service",
    responses((status = 200, body = SharedRecords)))]
async fn shared_records(
    State(store): State<Store>,
    caller: Caller,
) -> Result<axum::Json<SharedRecords>, Problem> {
    let tenants = caller.tenants();
    let merged = store.read(|c| Box::pin(async move { merged::merged(c, tenants.as_deref()).await }));
    Ok(axum::Json(SharedRecords { connections: merged.await?.into_iter().map(Into::into).collect() }))
}
