//! Connections: created, listed, shown, changed, tested, paused, resumed and deleted.
//! Tested in `src/tests/connections.rs`.

mod draft;
mod pauses;
mod policy;
mod view;

use axum::{extract::State, http::StatusCode};
use host_service::connections::change::UnfinishedRequests;
use serde_json::json;
use utoipa_axum::{router::OpenApiRouter, routes};

use self::view::{connection_view, connection_views};
use crate::{
    access,
    body::{Json, Path, Query},
    caller::{AdminWrite, AllTenants, ConnectionsRead, ConnectionsWrite, PluginsRead, ScopedCaller as _},
    found::{check_reachable, named_version, reachable_connection},
    problem::{Problem, kinds},
    refusals::{Conflict, FailedDependency, Forbidden, NotFound, Unprocessable},
    state::Api,
    types::{
        connection_list::ConnectionListQuery,
        connections::{
            Connection, ConnectionPatch, ConnectionTest, Connections, DeletedConnection, Deleting,
            NewConnection, Rekeying, TestStatus, Testing,
        },
        pins::OnVersion,
        service::Reloaded,
    },
};
use host_service::{
    connections::{self, approval::Approval, import::ReloadError},
    requests::Requests,
};
use host_store::Store;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(create_connection, list_connections))
        .routes(routes!(show_connection, change_connection, delete_connection))
        .routes(routes!(test_connection))
        .merge(pauses::routes())
        .routes(routes!(reload_configuration))
}

/// Creates a connection, if the plugin accepts its settings.
#[utoipa::path(post, path = "/api/v1/connection", security(("key" = ["connections:write"])), tag = "connections",
    responses((status = 201, body = Connection), Forbidden, Conflict, Unprocessable))]
async fn create_connection(
    State(connections): State<connections::Connections>,
    State(requests): State<Requests>,
    ConnectionsWrite(caller): ConnectionsWrite,
    Json(new): Json<NewConnection>,
) -> Result<(StatusCode, axum::Json<Connection>), Problem> {
    let new = draft::owned(new)?;
    policy::check_new(&caller, &new)?;
    let made = connections.create(&caller.who(), new).await?;
    access::about(&made.spec.tenant.0, &made.spec.key);
    Ok((StatusCode::CREATED, axum::Json(connection_view(&connections, &requests, made).await?)))
}

/// Lists the connections that the API key can access, sorted by key, with their health and what is used of the vendors'
/// limits.
#[utoipa::path(get, path = "/api/v1/connection", security(("key" = ["connections:read"])), tag = "connections", params(ConnectionListQuery),
    responses((status = 200, body = Connections)))]
async fn list_connections(
    State(connections): State<connections::Connections>,
    State(requests): State<Requests>,
    ConnectionsRead(caller): ConnectionsRead,
    Query(query): Query<ConnectionListQuery>,
) -> Result<axum::Json<Connections>, Problem> {
    let listed = connections.list(query.of_reach(caller.reach().clone())).await?;
    let connections = connection_views(&connections, &requests, listed).await?;
    Ok(axum::Json(Connections { connections }))
}

/// Shows a connection. Its secrets are masked.
#[utoipa::path(get, path = "/api/v1/connection/{key}", security(("key" = ["connections:read"])), tag = "connections", params(("key" = String, Path)),
    responses((status = 200, body = Connection), NotFound))]
async fn show_connection(
    State(connections): State<connections::Connections>,
    State(requests): State<Requests>,
    ConnectionsRead(caller): ConnectionsRead,
    Path(key): Path<String>,
) -> Result<axum::Json<Connection>, Problem> {
    let owned = reachable_connection(&connections, &caller, &key).await?;
    Ok(axum::Json(connection_view(&connections, &requests, owned).await?))
}

/// Changes a connection with a JSON merge patch (RFC 7396): members that are left out stay unchanged, null removes. A
/// change of what identifies people is refused, unless `agree=true` is set or the connection has no people yet.
#[utoipa::path(patch, path = "/api/v1/connection/{key}", security(("key" = ["connections:write"])), tag = "connections", params(("key" = String, Path), Rekeying),
    responses((status = 200, body = Connection), Forbidden, NotFound, Conflict, Unprocessable))]
async fn change_connection(
    State(connections): State<connections::Connections>,
    State(requests): State<Requests>,
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
    Ok(axum::Json(connection_view(&connections, &requests, changed.await?).await?))
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

/// Tests everything that the connection needs, without changing anything at the vendor. Resumes a parked connection, but
/// not a paused one, if all checks pass and the API key has the scope `connections:write`. With `status_code=true`, a test that fails is
/// answered 424, for clients that look at the status code alone. With `version`, which requires the scope `plugins:read` too,
/// the result is not stored and resumes nothing.
#[utoipa::path(get, path = "/api/v1/connection/{key}/test", security(("key" = ["connections:read"])), tag = "connections", params(("key" = String, Path), Testing),
    responses((status = 200, body = ConnectionTest), Forbidden, NotFound, Conflict, Unprocessable, FailedDependency))]
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
        connections.end_parking(&caller.who(), &owned).await?;
    }
    if status_code && tested.test_status == TestStatus::Failed {
        let why = tested.failure_reason.clone().unwrap_or_else(|| tested.msg.clone());
        return Err(Problem::of(kinds::TEST_FAILED, why).with("checks", json!(tested.checks)));
    }
    Ok(axum::Json(tested))
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
