//! Whether the process is up, and whether it can do its work.

use std::{collections::BTreeSet, sync::Arc};

use axum::{Router, extract::State, routing::get};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use super::problem::{Problem, kinds};
use host_service::service::Shared;
use host_store::components;

#[derive(OpenApi)]
#[openapi(paths(health, ready))]
pub(super) struct Part;

pub(super) fn routes() -> Router<Arc<Shared>> {
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
async fn ready(State(shared): State<Arc<Shared>>) -> Result<axum::Json<Ready>, Problem> {
    shared.store.answers().await?;
    let plugins: Vec<String> = shared.host.plugins().keys().cloned().collect();
    let published = shared.store.read(|connection| Box::pin(components::publications(connection))).await?;
    let wanted =
        shared.registry.sources.keys().chain(published.iter().map(|publication| &publication.plugin));
    let lacking: BTreeSet<_> = wanted.filter(|name| !plugins.contains(name)).collect();
    if !lacking.is_empty() {
        return Err(Problem::of(kinds::UNAVAILABLE, format!("plugins are not loaded: {lacking:?}")));
    }
    Ok(axum::Json(Ready { status: "ready", plugins }))
}
