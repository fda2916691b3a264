//! People whose records version 0.1.0 merged.
//! Tested in `src/tests/rekeying.rs`.

use axum::extract::State;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{caller::AdminRead, problem::Problem, state::Api, types::people::SharedRecords};
use host_store::{Store, merged};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list_shared_records))
}

/// Lists the connections that the API key can access in which several people shared one record, because they share an
/// identifier that does not identify a person there. Check their requests: an opt-out or erasure may have been refused,
/// or carried out for the wrong person.
#[utoipa::path(get, path = "/api/v1/people/merged", security(("key" = ["admin:read"])), tag = "service",
    responses((status = 200, body = SharedRecords)))]
async fn list_shared_records(
    State(store): State<Store>,
    AdminRead(caller): AdminRead,
) -> Result<axum::Json<SharedRecords>, Problem> {
    let reach = caller.reach().clone();
    let merged = store.read(|c| Box::pin(async move { merged::merged(c, &reach).await }));
    Ok(axum::Json(SharedRecords { connections: merged.await?.into_iter().map(Into::into).collect() }))
}
