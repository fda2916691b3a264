//! Whether the process is up, and whether it can do its work.

use std::collections::BTreeSet;

use axum::{Router, extract::State, routing::get};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use super::problem::{Problem, kinds};
use crate::state::Api;
use host_service::connections::Connections;
use host_service::served::Served;
use host_store::Store;
use host_store::components;

#[derive(OpenApi)]
#[openapi(paths(health, ready))]
pub(super) struct Part;

pub(super) fn routes() -> Router<Api> {
    Router::new().route("/health", get(health)).route("/ready", get(ready))
}

/// The process is up.
#[derive(Serialize, ToSchema)]
struct Health {
    /// Always `up`.
    status: &'static str,
}

/// The service can do its work.
#[derive(Serialize, ToSchema)]
struct Ready {
    /// Always `ready`.
    status: &'static str,
    /// The plugins that are loaded.
    plugins: Vec<String>,
}

/// Whether the process is up. No API key is wanted.
#[utoipa::path(get, path = "/health", tag = "service", responses((status = 200, body = Health)), security(()))]
async fn health() -> axum::Json<Health> {
    axum::Json(Health { status: "up" })
}

/// Whether the database takes what is written and every plugin is loaded. No API key is wanted.
#[utoipa::path(get, path = "/ready", tag = "service", responses((status = 200, body = Ready)), security(()))]
async fn ready(
    State(served): State<Served>,
    State(connections): State<Connections>,
    State(store): State<Store>,
) -> Result<axum::Json<Ready>, Problem> {
    store.answers().await?;
    let plugins: Vec<String> = served.host().plugins().keys().cloned().collect();
    let published = store.read(|connection| Box::pin(components::publications(connection))).await?;
    let wanted = connections.plugins_of_file().chain(published.iter().map(|publication| &publication.plugin));
    let lacking: BTreeSet<_> = wanted.filter(|name| !plugins.contains(name)).collect();
    if !lacking.is_empty() {
        return Err(Problem::of(kinds::UNAVAILABLE, format!("plugins are not loaded: {lacking:?}")));
    }
    Ok(axum::Json(Ready { status: "ready", plugins }))
}
