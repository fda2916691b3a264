//! Connections: created, shown, changed, tested, resumed and deleted.
//! Tested in `src/tests/connections.rs`.

mod draft;
mod policy;
mod view;

use axum::{extract::State, http::StatusCode};
use host_service::connections::change::UnfinishedRequests;
use host_store::RowChange;
use serde_json::json;
use utoipa_axum::{router::OpenApiRouter, routes};

use self::view::connection_view;
use crate::{
    access,
    body::{Json, Path, Query},
    caller::{AdminWrite, AllTenants, ConnectionsRead, ConnectionsWrite, PluginsRead, ScopedCaller as _},
    found::{check_reachable, named_version, reachable_connection},
    problem::{Problem, kinds},
    refusals::{Conflict, FailedDependency, Forbidden, NotFound, Unprocessable},
    state::Api,
    types::{
        connections::{
            Connection, ConnectionPatch, ConnectionTest, Connections, DeletedConnection, Deleting,
            NewConnection, Rekeying, Resumed, TestStatus, Testing,
        },
        pins::OnVersion,
        service::Reloaded,
    },
};
use host_service::{
    connections::{self, approval::Approval, import::ReloadError, owned},
    served::Served,
};
use host_store::Store;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(create_connection, list_connections))
        .routes(routes!(show_connection, change_connection, delete_connection))
        .routes(routes!(test_connection))
        .routes(routes!(resume_connection))
        .routes(routes!(reload_configuration))
}

/// Creates a connection, if the plugin accepts its settings.
#[utoipa::path(post, path = "/api/v1/connection", security(("key" = ["connections:write"])), tag = "connections",
    responses((status = 201, body = Connection), Forbidden, Conflict, Unprocessable))]
async fn create_connection(
    State(connections): State<connections::Connections>,
    State(served): State<Served>,
    ConnectionsWrite(caller): ConnectionsWrite,
    Json(new): Json<NewConnection>,
) -> Result<(StatusCode, axum::Json<Connection>), Problem> {
    let new = draft::owned(new)?;
    policy::check_new(&caller, &new)?;
    let made = connections.create(&caller.who(), new).await?;
    access::about(&made.spec.tenant.0, &made.spec.key);
    Ok((StatusCode::CREATED, axum::Json(connection_view(&served, &made))))
}

/// Lists the connections that the API key can access.
#[utoipa::path(get, path = "/api/v1/connection", security(("key" = ["connections:read"])), tag = "connections", responses((status = 200, body = Connections)))]
async fn list_connections(
    State(served): State<Served>,
    State(store): State<Store>,
    ConnectionsRead(caller): ConnectionsRead,
) -> Result<axum::Json<Connections>, Problem> {
    let owned = owned::all(&store).await?.owned;
    let reached = owned.iter().filter(|owned| caller.reach().includes(&owned.spec.tenant.0, &owned.spec.key));
    Ok(axum::Json(Connections {
        connections: reached.map(|owned| connection_view(&served, owned)).collect(),
    }))
}

/// Shows a connection. Its secrets are masked.
#[utoipa::path(get, path = "/api/v1/connection/{key}", security(("key" = ["connections:read"])), tag = "connections", params(("key" = String, Path)),
    responses((status = 200, body = Connection), NotFound))]
async fn show_connection(
    State(connections): State<connections::Connections>,
    State(served): State<Served>,
    ConnectionsRead(caller): ConnectionsRead,
    Path(key): Path<String>,
) -> Result<axum::Json<Connection>, Problem> {
    let owned = reachable_connection(&connections, &caller, &key).await?;
    Ok(axum::Json(connection_view(&served, &owned)))
}

/// Changes a connection with a JSON merge patch (RFC 7396): members that are left out stay unchanged, null removes. A
/// change of what identifies people is refused, unless `agree=true` is set or the connection has no people yet.
#[utoipa::path(patch, path = "/api/v1/connection/{key}", security(("key" = ["connections:write"])), tag = "connections", params(("key" = String, Path), Rekeying),
    responses((status = 200, body = Connection), Forbidden, NotFound, Conflict, Unprocessable))]
async fn change_connection(
    State(connections): State<connections::Connections>,
    State(served): State<Served>,
    ConnectionsWrite(caller): ConnectionsWrite,
    Path(key): Path<String>,
    Query(Rekeying { agree }): Query<Rekeying>,
    Json(patch): Json<ConnectionPatch>,
) -> Result<axum::Json<Connection>, Problem> {
    reachable_connection(&connections, &caller, &key).await?;
    let who = caller.who();
    let changed = connections.change(&who, &key, Approval::from(agree), |before| {
        let after = draft::changed(patch, before)?;
        policy::check_change(&caller, before, &after)?;
        Ok::<_, Problem>(after)
    });
    Ok(axum::Json(connection_view(&served, &changed.await?)))
}

/// Deletes a connection, its secrets and its people. Finished requests and the audit chain are kept.
#[utoipa::path(delete, path = "/api/v1/connection/{key}", security(("key" = ["connections:write"])), tag = "connections", params(("key" = String, Path), Deleting),
    responses((status = 200, body = DeletedConnection), Forbidden, NotFound, Conflict))]
async fn delete_connection(
    State(store): State<Store>,
    State(connections): State<connections::Connections>,
    ConnectionsWrite(caller): ConnectionsWrite,
    Path(key): Path<String>,
    Query(Deleting { abandon }): Query<Deleting>,
) -> Result<axum::Json<DeletedConnection>, Problem> {
    check_reachable(&store, &caller, &key).await?;
    let unfinished = if abandon { UnfinishedRequests::Abandon } else { UnfinishedRequests::Refuse };
    let requests_abandoned = connections.delete(&caller.who(), &key, unfinished).await?;
    Ok(axum::Json(DeletedConnection { key, requests_abandoned }))
}

/// Tests everything that the connection needs, without changing anything at the vendor. Resumes a parked connection if
/// all checks pass and the API key has the scope `connections:write`. With `status_code=true`, a test that fails is
/// answered 424, for clients that look at the status code alone. With `version`, which requires the scope `plugins:read` too,
/// the result is not stored and resumes nothing.
#[utoipa::path(get, path = "/api/v1/connection/{key}/test", security(("key" = ["connections:read"])), tag = "connections", params(("key" = String, Path), Testing),
    responses((status = 200, body = ConnectionTest), Forbidden, NotFound, Conflict, FailedDependency))]
async fn test_connection(
    State(connections): State<connections::Connections>,
    ConnectionsRead(caller): ConnectionsRead,
    Path(key): Path<String>,
    Query(Testing { status_code, version }): Query<Testing>,
) -> Result<axum::Json<ConnectionTest>, Problem> {
    let owned = reachable_connection(&connections, &caller, &key).await?;
    let version = named_version(&caller, &OnVersion { version }, PluginsRead::SCOPE)?;
    let tested = match version {
        Some(digest) => connections.test_on(&owned.spec.plugin, digest, &key).await?,
        None => connections.test(&caller.who(), &owned).await?,
    };
    let tested = ConnectionTest::from(tested);
    if version.is_none()
        && tested.test_status == TestStatus::Succeeded
        && caller.check(ConnectionsWrite::SCOPE).is_ok()
    {
        connections.resume(&caller.who(), &owned).await?;
    }
    if status_code && tested.test_status == TestStatus::Failed {
        let why = tested.failure_reason.clone().unwrap_or_else(|| tested.msg.clone());
        return Err(Problem::of(kinds::TEST_FAILED, why).with("checks", json!(tested.checks)));
    }
    Ok(axum::Json(tested))
}

/// Resumes a parked connection.
#[utoipa::path(post, path = "/api/v1/connection/{key}/resume", security(("key" = ["connections:write"])), tag = "connections", params(("key" = String, Path)),
    responses((status = 200, body = Resumed), Forbidden, NotFound))]
async fn resume_connection(
    State(connections): State<connections::Connections>,
    ConnectionsWrite(caller): ConnectionsWrite,
    Path(key): Path<String>,
) -> Result<axum::Json<Resumed>, Problem> {
    let owned = reachable_connection(&connections, &caller, &key).await?;
    let was_parked = connections.resume(&caller.who(), &owned).await? == RowChange::Changed;
    Ok(axum::Json(Resumed { key, was_parked }))
}

/// Reloads the connections of the configuration file. An invalid file changes nothing; the rest of the file is read at
/// the next start. A change that would rekey the people of a connection is not applied, unless `agree=true` is set.
#[utoipa::path(post, path = "/api/v1/reload", security(("key" = ["admin:write"])), tag = "service", params(Rekeying),
    responses((status = 200, body = Reloaded), Forbidden, Unprocessable))]
async fn reload_configuration(
    State(connections): State<connections::Connections>,
    _caller: AllTenants<AdminWrite>,
    Query(Rekeying { agree }): Query<Rekeying>,
) -> Result<axum::Json<Reloaded>, Problem> {
    let reloaded = connections.reload(Approval::from(agree)).await.map_err(|error| match error {
        ReloadError::Store(error) => error.into(),
        ReloadError::NoFile | ReloadError::Config(_) => Problem::of(kinds::NOT_RELOADED, error.to_string()),
    })?;
    Ok(axum::Json(reloaded.into()))
}
