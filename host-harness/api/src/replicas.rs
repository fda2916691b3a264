//! The processes that serve the database.
//! Tested in `src/tests/replicas.rs`.

use axum::extract::State;
use host_store::{Store, replicas};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    caller::{AdminRead, AllTenants},
    problem::Problem,
    state::Api,
    types::replicas::{Replica, ReplicaList},
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list_replicas))
}

/// Lists the processes that serve the database, in the order in which they started: each with its version, the versions of
/// plugins that it serves, whether it leads, and its last sign of life. Requires a key for all tenants.
#[utoipa::path(get, path = "/api/v1/replicas", security(("key" = ["admin:read"])), tag = "service",
    responses((status = 200, body = ReplicaList)))]
async fn list_replicas(
    State(store): State<Store>,
    AllTenants(_caller): AllTenants<AdminRead>,
) -> Result<axum::Json<ReplicaList>, Problem> {
    let all = store.read_soon(|connection| Box::pin(replicas::all(connection))).await?;
    let own = store.replica();
    Ok(axum::Json(ReplicaList { replicas: all.into_iter().map(|one| Replica::of(one, own)).collect() }))
}
