//! Health checks: whether the process is up, and whether it is ready.
//! Tested in `src/tests/document.rs`.

use axum::extract::State;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    problem::{Problem, kinds},
    state::Api,
    types::service::{Health, Readiness},
};
use host_service::connections::{Connections, readiness::NotReady};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(health)).routes(routes!(ready))
}

/// Reports that the process is up. No API key is required.
#[utoipa::path(get, path = "/health", tag = "service", responses((status = 200, body = Health)), security(()))]
async fn health() -> axum::Json<Health> {
    axum::Json(Health { status: "up".to_owned() })
}

/// Reports whether the database accepts writes and every plugin is loaded. No API key is required.
#[utoipa::path(get, path = "/ready", tag = "service", responses((status = 200, body = Readiness)), security(()))]
async fn ready(State(connections): State<Connections>) -> Result<axum::Json<Readiness>, Problem> {
    match connections.readiness().await {
        Ok(plugins) => Ok(axum::Json(Readiness { status: "ready".to_owned(), plugins })),
        Err(NotReady::Store(error)) => Err(error.into()),
        Err(lacking @ NotReady::Plugins(_)) => Err(Problem::of(kinds::UNAVAILABLE, lacking.to_string())),
    }
}
