//! What any stored version of a plugin may do, and how two versions differ.
//! Tested in `src/tests/version_differences.rs`.

use axum::extract::State;
use host_harness::plugin;
use host_model::digest::Digest;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body::{Path, Query},
    caller::{AllTenants, PluginsRead},
    problem::{Problem, kinds},
    refusals::{Conflict, Forbidden, NotFound},
    state::Api,
    types::{
        plugins::Permissions,
        version_difference::{DifferenceQuery, VersionDifference},
    },
};
use host_service::connections::Connections;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(show_version_permissions)).routes(routes!(compare_versions))
}

/// Shows everything that a stored version of a plugin may do, also one that was not approved.
#[utoipa::path(get, path = "/api/v1/plugins/{name}/versions/{digest}/permissions", security(("key" = ["plugins:read"])), tag = "plugins",
    params(("name" = String, Path), ("digest" = String, Path)),
    responses((status = 200, body = Permissions), Forbidden, NotFound, Conflict))]
async fn show_version_permissions(
    State(connections): State<Connections>,
    AllTenants(PluginsRead(_caller)): AllTenants<PluginsRead>,
    Path((name, digest)): Path<(String, String)>,
) -> Result<axum::Json<Permissions>, Problem> {
    let version = connections.stored_plugin(&name, parsed(&name, &digest)?).await?;
    Ok(axum::Json(plugin::Permissions::from(&*version).into()))
}

/// Shows the difference between two stored versions of a plugin: what the second requests beyond the first, and each
/// operation, setting, limit and host that differs.
#[utoipa::path(get, path = "/api/v1/plugins/{name}/versions/{digest}/difference", security(("key" = ["plugins:read"])), tag = "plugins",
    params(("name" = String, Path), ("digest" = String, Path), DifferenceQuery),
    responses((status = 200, body = VersionDifference), Forbidden, NotFound, Conflict))]
async fn compare_versions(
    State(connections): State<Connections>,
    AllTenants(PluginsRead(_caller)): AllTenants<PluginsRead>,
    Path((name, digest)): Path<(String, String)>,
    Query(DifferenceQuery { from }): Query<DifferenceQuery>,
) -> Result<axum::Json<VersionDifference>, Problem> {
    let from = match from {
        Some(from) => parsed(&name, &from)?,
        None => running(&connections, &name)?,
    };
    let difference = connections.difference(&name, from, parsed(&name, &digest)?).await?;
    Ok(axum::Json(VersionDifference::of(name, difference)))
}

fn running(connections: &Connections, name: &str) -> Result<Digest, Problem> {
    let slot = connections.served().host().plugin(name).ok_or_else(|| {
        let detail = format!("plugin {name} runs no version: name the one to compare with as `from`");
        Problem::of(kinds::UNKNOWN, detail)
    })?;
    Ok(slot.current().plugin().digest())
}

fn parsed(name: &str, digest: &str) -> Result<Digest, Problem> {
    let unknown = || Problem::of(kinds::UNKNOWN, format!("plugin {name} has no version {digest}"));
    digest.parse().map_err(|_| unknown())
}
