//! Connections: made, shown, changed, tested, resumed and deleted.

mod draft;
mod duty;
mod outcome;
mod policy;
mod view;

use axum::{
    Router,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};

use self::{
    draft::{NewConnection, Patch},
    outcome::{Reloaded, TestStatus, Tried},
    view::{ConnectionList, Shown},
};
use super::{
    access,
    body::{Json, Path, Query},
    caller::{Caller, Everybody, Writer},
    found::{found, seen},
    problem::{Problem, kinds},
};
use crate::state::Api;
use host_service::{
    connections::{Connections, approval::Approval, import::ReloadError, owned},
    served::Served,
};
use host_store::Store;

#[derive(OpenApi)]
#[openapi(paths(create, list, show, patch, delete, test, resume, reload))]
pub(super) struct Part;

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/api/v1/connection", post(create).get(list))
        .route("/api/v1/connection/{key}", get(show).patch(patch).delete(delete))
        .route("/api/v1/connection/{key}/test", get(test))
        .route("/api/v1/connection/{key}/resume", post(resume))
        .route("/api/v1/reload", post(reload))
}

/// Makes a connection, once its settings suit the plugin.
#[utoipa::path(post, path = "/api/v1/connection", tag = "connections", request_body = NewConnection,
    responses((status = 201, body = Shown)))]
async fn create(
    State(connections): State<Connections>,
    State(served): State<Served>,
    Writer(caller): Writer,
    Json(new): Json<NewConnection>,
) -> Result<(StatusCode, axum::Json<Shown>), Problem> {
    let new = new.owned()?;
    policy::check_new(&caller, &new)?;
    let made = connections.create(&caller.who(), new).await?;
    access::about(&made.spec.tenant.0, &made.spec.key);
    Ok((StatusCode::CREATED, axum::Json(Shown::of(&served, &made))))
}

/// The connections that the API key reaches, in the order of their keys.
#[utoipa::path(get, path = "/api/v1/connection", tag = "connections", responses((status = 200, body = ConnectionList)))]
async fn list(
    State(served): State<Served>,
    State(store): State<Store>,
    caller: Caller,
) -> Result<axum::Json<ConnectionList>, Problem> {
    let owned = owned::all(&store).await?.owned;
    let reached = owned.iter().filter(|owned| caller.reaches(&owned.spec.tenant.0));
    Ok(axum::Json(ConnectionList { connections: reached.map(|owned| Shown::of(&served, owned)).collect() }))
}

/// One connection. Its secrets are not shown, only that they are there.
#[utoipa::path(get, path = "/api/v1/connection/{key}", tag = "connections", params(("key" = String, Path)),
    responses((status = 200, body = Shown)))]
async fn show(
    State(connections): State<Connections>,
    State(served): State<Served>,
    caller: Caller,
    Path(key): Path<String>,
) -> Result<axum::Json<Shown>, Problem> {
    let owned = found(&connections, &caller, &key).await?;
    Ok(axum::Json(Shown::of(&served, &owned)))
}

/// How a change that keys people anew is made.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Rekeying {
    /// Let it change what identifies people at a connection: they are keyed anew, some split and some joined.
    #[serde(default)]
    agree: bool,
}

/// Changes a connection as JSON merge patches do (RFC 7396): what is left out stays, null removes. A change of what identifies
/// people is refused, unless `agree=true` or nobody is known there.
#[utoipa::path(patch, path = "/api/v1/connection/{key}", tag = "connections", params(("key" = String, Path), Rekeying),
    request_body = Patch, responses((status = 200, body = Shown)))]
async fn patch(
    State(connections): State<Connections>,
    State(served): State<Served>,
    Writer(caller): Writer,
    Path(key): Path<String>,
    Query(Rekeying { agree }): Query<Rekeying>,
    Json(patch): Json<Patch>,
) -> Result<axum::Json<Shown>, Problem> {
    found(&connections, &caller, &key).await?;
    let who = caller.who();
    let changed = connections.change(&who, &key, Approval::of(agree), |before| {
        let after = patch.on(before)?;
        policy::check_change(&caller, before, &after)?;
        Ok::<_, Problem>(after)
    });
    Ok(axum::Json(Shown::of(&served, &changed.await?)))
}

/// How a connection is deleted.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Deleting {
    /// End its requests that have not ended, as failed. Some may have been carried out all the same.
    #[serde(default)]
    abandon: bool,
}

/// What a deletion came to.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
struct Deleted {
    /// Its key.
    key: String,
    /// How many of its requests were ended as failed.
    requests_abandoned: u64,
}

/// Deletes a connection, its secrets and its people. Requests that have ended and the audit chain stay.
#[utoipa::path(delete, path = "/api/v1/connection/{key}", tag = "connections", params(("key" = String, Path), Deleting),
    responses((status = 200, body = Deleted)))]
async fn delete(
    State(store): State<Store>,
    State(connections): State<Connections>,
    Writer(caller): Writer,
    Path(key): Path<String>,
    Query(Deleting { abandon }): Query<Deleting>,
) -> Result<axum::Json<Deleted>, Problem> {
    seen(&store, &caller, &key).await?;
    let requests_abandoned = connections.delete(&caller.who(), &key, abandon).await?;
    Ok(axum::Json(Deleted { key, requests_abandoned }))
}

/// Tries everything that the connection needs, changing nothing at the vendor. One that was parked goes on where all of it
/// works and the API key may write.
#[utoipa::path(get, path = "/api/v1/connection/{key}/test", tag = "connections", params(("key" = String, Path)),
    responses((status = 200, body = Tried)))]
async fn test(
    State(connections): State<Connections>,
    caller: Caller,
    Path(key): Path<String>,
) -> Result<axum::Json<Tried>, Problem> {
    let owned = found(&connections, &caller, &key).await?;
    let tried = Tried::from(connections.test(&caller.who(), &owned).await?);
    if tried.test_status == TestStatus::Succeeded && caller.may_write() {
        connections.resume(&caller.who(), &owned).await?;
    }
    Ok(axum::Json(tried))
}

/// What resuming came to.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
struct Resumed {
    /// Its key.
    key: String,
    /// Whether it was parked at all.
    was_parked: bool,
}

/// Lets a parked connection go on.
#[utoipa::path(post, path = "/api/v1/connection/{key}/resume", tag = "connections", params(("key" = String, Path)),
    responses((status = 200, body = Resumed)))]
async fn resume(
    State(connections): State<Connections>,
    Writer(caller): Writer,
    Path(key): Path<String>,
) -> Result<axum::Json<Resumed>, Problem> {
    let owned = found(&connections, &caller, &key).await?;
    let was_parked = connections.resume(&caller.who(), &owned).await?;
    Ok(axum::Json(Resumed { key, was_parked }))
}

/// Reads the configuration file again and takes in its connections. A file that is broken changes nothing; what else is
/// in it is read at the next start. A connection that would key its people anew stays as it is, unless `agree=true`.
#[utoipa::path(post, path = "/api/v1/reload", tag = "service", params(Rekeying),
    responses((status = 200, body = Reloaded)))]
async fn reload(
    State(connections): State<Connections>,
    _caller: Everybody,
    Query(Rekeying { agree }): Query<Rekeying>,
) -> Result<axum::Json<Reloaded>, Problem> {
    let reloaded = connections.reload(Approval::of(agree)).await.map_err(|error| match error {
        ReloadError::Store(error) => error.into(),
        ReloadError::NoFile | ReloadError::Config(_) => Problem::of(kinds::NOT_RELOADED, error.to_string()),
    })?;
    Ok(axum::Json(reloaded.into()))
}
