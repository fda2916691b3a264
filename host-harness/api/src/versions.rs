//! The versions of plugins, and the separate steps of a publication: upload, approve, serve.
//! Tested in `src/tests/versions.rs`.

use std::sync::Arc;

use axum::{
    extract::{DefaultBodyLimit, State},
    http::StatusCode,
    response::Response,
};
use host_model::{digest::Digest, plugin_operation::PluginAction};
use utoipa_axum::{
    router::{OpenApiRouter, UtoipaMethodRouterExt},
    routes,
};

use crate::{
    body::{Path, Query},
    caller::{AllTenants, PluginsRead, PluginsWrite},
    plugin_operations::{OperationParams, OperationRequest, OperationRunner},
    prefer::PreferHeader,
    problem::{Problem, kinds},
    refusals::{Conflict, Forbidden, NotFound, Unprocessable},
    sent_version::{MAX_VERSION_BODY, SentSettings, SentVersion},
    state::Api,
    types::{
        connections::ConnectionTest,
        given_settings::{ComponentWithSettings, GivenSettings},
        plugin_operations::PluginOperation,
        plugins::{PublishedVersion, Publishing, Uploading},
        versions::{PluginVersion, PluginVersions, PublishRehearsal, Serving, TestingVersion},
    },
};
use host_service::{
    connections::{Connections, approval::Approval, publication::Upload},
    plugin_operations::{NewOperation, RunningOperation},
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_versions, upload_version).layer(DefaultBodyLimit::max(MAX_VERSION_BODY)))
        .routes(routes!(rehearse_publication).layer(DefaultBodyLimit::max(MAX_VERSION_BODY)))
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
    params(("name" = String, Path), Uploading, OperationParams),
    request_body(content((Vec<u8> = "application/wasm"), (ComponentWithSettings = "application/json"))),
    responses((status = 201, body = PluginVersion), (status = 202, body = PluginOperation), Forbidden, Conflict, Unprocessable))]
async fn upload_version(
    State(connections): State<Connections>,
    State(runner): State<OperationRunner>,
    AllTenants(PluginsWrite(caller)): AllTenants<PluginsWrite>,
    Path(name): Path<String>,
    Query(uploading): Query<Uploading>,
    prefer: PreferHeader,
    mut sent: SentVersion,
) -> Result<Response, Problem> {
    let settings = sent.given(&caller)?;
    let (conditions, note) = (uploading.conditions(), uploading.note);
    let uploader = Some(caller.key().id.clone());
    let upload = Upload {
        bundle: sent.bundle,
        conditions,
        note,
        settings,
        uploader,
        ..Upload::new(&*name, sent.component)
    };
    let (action, digest) = (PluginAction::Upload, upload.digest);
    let new = NewOperation { who: caller.who(), plugin: name.clone(), action, digest: Some(digest) };
    let request = OperationRequest { new, prefer, status: StatusCode::CREATED };
    let uploading = async move |operation: Arc<RunningOperation>| {
        connections.upload(&operation, upload).await?;
        version(&connections, &name, digest).await
    };
    runner.carry_out(request, uploading).await
}

/// Rehearses a publication: compiles and proves the component, and compares it with the version that serves. Nothing is
/// stored, and nothing is sent to a vendor, except by tests of the connections with `test_connections=true`. A component that does not load is a problem; every other reason that would
/// prevent the publication is in the answer.
#[utoipa::path(post, path = "/api/v1/plugins/{name}/rehearsal", security(("key" = ["plugins:write"])), tag = "plugins",
    params(("name" = String, Path), Publishing),
    request_body(content((Vec<u8> = "application/wasm"), (ComponentWithSettings = "application/json"))),
    responses((status = 200, body = PublishRehearsal), Forbidden, Conflict, Unprocessable))]
async fn rehearse_publication(
    State(connections): State<Connections>,
    AllTenants(PluginsWrite(caller)): AllTenants<PluginsWrite>,
    Path(name): Path<String>,
    Query(publishing): Query<Publishing>,
    mut sent: SentVersion,
) -> Result<axum::Json<PublishRehearsal>, Problem> {
    let settings = sent.given(&caller)?;
    let (approval, conditions) = (publishing.agree.into(), publishing.conditions());
    let tests = publishing.test_connections.into();
    let upload =
        Upload { bundle: sent.bundle, conditions, tests, settings, ..Upload::new(&*name, sent.component) };
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
/// deliveries and requests. It can be served then. With the setting `two-people`, the API key that uploaded it is refused.
#[utoipa::path(post, path = "/api/v1/plugins/{name}/versions/{digest}/approve", security(("key" = ["plugins:write"])), tag = "plugins",
    params(("name" = String, Path), ("digest" = String, Path)),
    responses((status = 200, body = PluginVersion), Forbidden, NotFound, Conflict, Unprocessable))]
async fn approve_version(
    State(connections): State<Connections>,
    AllTenants(PluginsWrite(caller)): AllTenants<PluginsWrite>,
    Path((name, digest)): Path<(String, String)>,
) -> Result<axum::Json<PluginVersion>, Problem> {
    let digest = parsed(&name, &digest)?;
    connections.approve(&caller.who(), &caller.key().id, &name, digest).await?;
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
/// identified is refused, unless `agree=true` is set. Settings that such a version does not know are set aside until one
/// serves that does. Settings in the body require the scope `connections:write` too.
#[utoipa::path(post, path = "/api/v1/plugins/{name}/versions/{digest}/serve", security(("key" = ["plugins:write"])), tag = "plugins",
    params(("name" = String, Path), ("digest" = String, Path), Serving, OperationParams),
    request_body(content = Option<GivenSettings>, description = "Settings of its connections that apply as it begins to serve"),
    responses((status = 200, body = PublishedVersion), (status = 202, body = PluginOperation), Forbidden, NotFound, Conflict, Unprocessable))]
async fn serve_version(
    State(connections): State<Connections>,
    State(runner): State<OperationRunner>,
    AllTenants(PluginsWrite(caller)): AllTenants<PluginsWrite>,
    Path((name, digest)): Path<(String, String)>,
    Query(Serving { agree }): Query<Serving>,
    prefer: PreferHeader,
    settings: SentSettings,
) -> Result<Response, Problem> {
    let settings = settings.given(&caller)?;
    let (action, digest) = (PluginAction::Serve, parsed(&name, &digest)?);
    let new = NewOperation { who: caller.who(), plugin: name.clone(), action, digest: Some(digest) };
    let request = OperationRequest { new, prefer, status: StatusCode::OK };
    let serving = async move |operation: Arc<RunningOperation>| {
        let served = connections.serve(&operation, &name, digest, Approval::from(agree), settings).await?;
        Ok(PublishedVersion::of(name, &served))
    };
    runner.carry_out(request, serving).await
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
