//! Health checks: whether the process is up, and whether it is ready.
//! Tested in `src/tests/document.rs`.

use std::{collections::BTreeSet, time::Duration};

use axum::extract::State;
use tokio::time::timeout;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    problem::{Problem, kinds},
    state::Api,
    types::service::{Health, Readiness},
};
use host_service::{connections::Connections, served::Served};
use host_store::{Store, StoreError, components};

/// The time limit of `/ready`: health checks themselves time out after some seconds.
const MAX_WAIT: Duration = Duration::from_secs(5);

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
async fn ready(
    State(served): State<Served>,
    State(connections): State<Connections>,
    State(store): State<Store>,
) -> Result<axum::Json<Readiness>, Problem> {
    let known = timeout(MAX_WAIT, async {
        store.answers().await?;
        store.read(|connection| Box::pin(components::published_plugins(connection))).await
    });
    let published = known.await.unwrap_or(Err(StoreError::Busy(MAX_WAIT)))?;
    let plugins: Vec<String> = served.host().plugins().keys().cloned().collect();
    let wanted = connections.plugins_of_file().chain(&published);
    let lacking: BTreeSet<_> = wanted.filter(|name| !plugins.contains(name)).collect();
    if !lacking.is_empty() {
        return Err(Problem::of(kinds::UNAVAILABLE, format!("plugins are not loaded: {lacking:?}")));
    }
    Ok(axum::Json(Readiness { status: "ready".to_owned(), plugins }))
}
