//! The versions of plugins, and the separate steps of a publication: upload, approve, serve.
//! Tested in `src/tests/versions.rs`.

use axum::{
    body::Bytes,
    extract::{DefaultBodyLimit, State, rejection::BytesRejection},
    http::StatusCode,
};
use host_model::digest::Digest;
use utoipa_axum::{
    router::{OpenApiRouter, UtoipaMethodRouterExt},
    routes,
};

use crate::{
    body::{Path, Query},
    caller::{AllTenants, PluginsRead, PluginsWrite},
    plugins::{MAX_COMPONENT, component},
    problem::{Problem, kinds},
    refusals::{Conflict, Forbidden, NotFound, Unprocessable},
    state::Api,
    types::{
        connections::ConnectionTest,
        plugins::{PublishedVersion, Publishing, Uploading},
        versions::{PluginVersion, PluginVersions, PublishRehearsal, Serving, TestingVersion},
    },
};
use host_service::connections::{
    Connections, approval::Approval, publication::Upload, tested::ConnectionTests,
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_versions, upload_version).layer(DefaultBodyLimit::max(MAX_COMPONENT)))
        .routes(routes!(rehearse_publication).layer(DefaultBodyLimit::max(MAX_COMPONENT)))
        .routes(routes!(show_version))
        .routes(routes!(approve_version))
        .routes(routes!(serve_version))
        .routes(routes!(test_version))
}

/// Lists the versions of a plugin with their history, also of a plugin whose uploads were all refused.
#[utoipa::path(get, path = "/api/v1/plugins/{name}/versions", security(("key" = ["plugins:read"])), tag = "plugins",
    params(("name" = String, Path)), responses((status = 200, body = PluginVersions), Forbidden, NotFound))]
async fn list_versions(
    State(connections): State<Connections>,
    AllTenants(PluginsRead(_caller)): AllTenants<PluginsRead>,
    Path(name): Path<String>,
) -> Result<axum::Json<PluginVersions>, Problem> {
    let history = connections.version_history(&name).await?;
    if history.is_empty() {
        return Err(Problem::of(kinds::UNKNOWN, format!("there is no plugin `{name}`")));
    }
    let stored_bytes = connections.stored_component_bytes().await?;
    Ok(axum::Json(PluginVersions::of(name, history, stored_bytes)))
}

/// Uploads and compiles a component, which does not serve before it is approved and served.
#[utoipa::path(post, path = "/api/v1/plugins/{name}/versions", security(("key" = ["plugins:write"])), tag = "plugins",
    params(("name" = String, Path), Uploading), request_body(content = Vec<u8>, content_type = "application/wasm"),
    responses((status = 201, body = PluginVersion), Forbidden, Conflict, Unprocessable))]
async fn upload_version(
    State(connections): State<Connections>,
    AllTenants(PluginsWrite(caller)): AllTenants<PluginsWrite>,
    Path(name): Path<String>,
    Query(uploading): Query<Uploading>,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, axum::Json<PluginVersion>), Problem> {
    let bytes = component(bytes)?;
    let conditions = uploading.conditions();
    let tests = ConnectionTests::Omitted;
    let upload = Upload { plugin: name.clone(), bytes, conditions, note: uploading.note, tests };
    let digest = connections.upload(&caller.who(), upload).await?;
    Ok((StatusCode::CREATED, axum::Json(version(&connections, &name, digest).await?)))
}

/// Rehearses a publication: compiles and proves the component, and compares it with the version that serves. Nothing is
/// stored, and nothing is sent to a vendor, except by tests of the connections with `test_connections=true`. A component that does not load is a problem; every other reason that would
/// prevent the publication is in the answer.
#[utoipa::path(post, path = "/api/v1/plugins/{name}/rehearsal", security(("key" = ["plugins:write"])), tag = "plugins",
    params(("name" = String, Path), Publishing), request_body(content = Vec<u8>, content_type = "application/wasm"),
    responses((status = 200, body = PublishRehearsal), Forbidden, Conflict, Unprocessable))]
async fn rehearse_publication(
    State(connections): State<Connections>,
    AllTenants(PluginsWrite(_caller)): AllTenants<PluginsWrite>,
    Path(name): Path<String>,
    Query(publishing): Query<Publishing>,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<axum::Json<PublishRehearsal>, Problem> {
    let bytes = component(bytes)?;
    let (approval, conditions) = (publishing.agree.into(), publishing.conditions());
    let tests = publishing.test_connections.into();
    let upload = Upload { plugin: name.clone(), bytes, conditions, note: publishing.note, tests };
    let rehearsal = connections.rehearse(upload, approval).await?;
    Ok(axum::Json(PublishRehearsal::of(name, rehearsal)))
}

/// Shows a version of a plugin with its history.
#[utoipa::path(get, path = "/api/v1/plugins/{name}/versions/{digest}", security(("key" = ["plugins:read"])), tag = "plugins",
    params(("name" = String, Path), ("digest" = String, Path)),
    responses((status = 200, body = PluginVersion), Forbidden, NotFound))]
async fn show_version(
    State(connections): State<Connections>,
    AllTenants(PluginsRead(_caller)): AllTenants<PluginsRead>,
    Path((name, digest)): Path<(String, String)>,
) -> Result<axum::Json<PluginVersion>, Problem> {
    let digest = parsed(&name, &digest)?;
    Ok(axum::Json(version(&connections, &name, digest).await?))
}

/// Approves what an uploaded version requests beyond the one that serves, and what it makes differently of stored
/// deliveries and requests. It can be served then.
#[utoipa::path(post, path = "/api/v1/plugins/{name}/versions/{digest}/approve", security(("key" = ["plugins:write"])), tag = "plugins",
    params(("name" = String, Path), ("digest" = String, Path)),
    responses((status = 200, body = PluginVersion), Forbidden, NotFound, Conflict, Unprocessable))]
async fn approve_version(
    State(connections): State<Connections>,
    AllTenants(PluginsWrite(caller)): AllTenants<PluginsWrite>,
    Path((name, digest)): Path<(String, String)>,
) -> Result<axum::Json<PluginVersion>, Problem> {
    let digest = parsed(&name, &digest)?;
    connections.approve(&caller.who(), &name, digest).await?;
    Ok(axum::Json(version(&connections, &name, digest).await?))
}

/// Tests a connection on a version that does not serve, but was approved or served before. Nothing changes at the vendor,
/// and the result is not stored.
#[utoipa::path(post, path = "/api/v1/plugins/{name}/versions/{digest}/test", security(("key" = ["plugins:write"])), tag = "plugins",
    params(("name" = String, Path), ("digest" = String, Path), TestingVersion),
    responses((status = 200, body = ConnectionTest), Forbidden, NotFound, Conflict, Unprocessable))]
async fn test_version(
    State(connections): State<Connections>,
    AllTenants(PluginsWrite(_caller)): AllTenants<PluginsWrite>,
    Path((name, digest)): Path<(String, String)>,
    Query(TestingVersion { connection }): Query<TestingVersion>,
) -> Result<axum::Json<ConnectionTest>, Problem> {
    let digest = parsed(&name, &digest)?;
    let tested = connections.test_on(&name, digest, &connection).await?;
    Ok(axum::Json(tested.into()))
}

/// Serves a version that was approved, or that served before. A version that served before and changes how people are
/// identified is refused, unless `agree=true` is set.
#[utoipa::path(post, path = "/api/v1/plugins/{name}/versions/{digest}/serve", security(("key" = ["plugins:write"])), tag = "plugins",
    params(("name" = String, Path), ("digest" = String, Path), Serving),
    responses((status = 200, body = PublishedVersion), Forbidden, NotFound, Conflict, Unprocessable))]
async fn serve_version(
    State(connections): State<Connections>,
    AllTenants(PluginsWrite(caller)): AllTenants<PluginsWrite>,
    Path((name, digest)): Path<(String, String)>,
    Query(Serving { agree }): Query<Serving>,
) -> Result<axum::Json<PublishedVersion>, Problem> {
    let digest = parsed(&name, &digest)?;
    let served = connections.serve(&caller.who(), &name, digest, Approval::from(agree)).await?;
    Ok(axum::Json(PublishedVersion::of(name, &served)))
}

fn parsed(name: &str, digest: &str) -> Result<Digest, Problem> {
    digest.parse().map_err(|_| unknown(name, digest))
}

fn unknown(name: &str, digest: &str) -> Problem {
    Problem::of(kinds::UNKNOWN, format!("plugin {name} has no version {digest}"))
}

async fn version(connections: &Connections, name: &str, digest: Digest) -> Result<PluginVersion, Problem> {
    let version = connections.version(name, digest).await?;
    version.map(Into::into).ok_or_else(|| unknown(name, &digest.to_string()))
}
