//! Pins: which version serves a tenant's connections, or a connection, whichever version their plugin runs.
//! Tested in `src/tests/pins.rs`.

use axum::extract::State;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body::{Json, Path, Query},
    caller::{AllTenants, Caller, PluginsRead, PluginsWrite},
    problem::{Problem, field, kinds},
    refusals::{Conflict, Forbidden, NotFound, Unprocessable},
    state::Api,
    types::pins::{PinnedVersion, Pinning, PluginPin, PluginPins, Unpinned},
};
use host_service::connections::{
    Connections,
    approval::Approval,
    pins::{NewPin, PinError, PinTarget},
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_pins))
        .routes(routes!(pin_tenant, unpin_tenant))
        .routes(routes!(pin_connection, unpin_connection))
}

/// Lists the pins of a plugin.
#[utoipa::path(get, path = "/api/v1/plugins/{name}/pins", security(("key" = ["plugins:read"])), tag = "plugins",
    params(("name" = String, Path)), responses((status = 200, body = PluginPins), Forbidden))]
async fn list_pins(
    State(connections): State<Connections>,
    AllTenants(PluginsRead(_caller)): AllTenants<PluginsRead>,
    Path(name): Path<String>,
) -> Result<axum::Json<PluginPins>, Problem> {
    let pins = connections.pins(&name).await?.into_iter().map(|stored| stored.pin.into()).collect();
    Ok(axum::Json(PluginPins { name, pins }))
}

/// Pins all connections of a tenant that use the plugin, also later ones, to a version that was approved or has served.
/// Swaps do not affect them. A connection's own pin has precedence. A version that changes how people are identified is
/// refused, unless `agree=true` is set.
#[utoipa::path(put, path = "/api/v1/plugins/{name}/pins/tenants/{tenant}", security(("key" = ["plugins:write"])), tag = "plugins",
    params(("name" = String, Path), ("tenant" = String, Path), Pinning),
    responses((status = 200, body = PluginPin), Forbidden, NotFound, Conflict, Unprocessable))]
async fn pin_tenant(
    State(connections): State<Connections>,
    AllTenants(PluginsWrite(caller)): AllTenants<PluginsWrite>,
    Path((name, tenant)): Path<(String, String)>,
    Query(pinning): Query<Pinning>,
    Json(version): Json<PinnedVersion>,
) -> Result<axum::Json<PluginPin>, Problem> {
    pin(&connections, &caller, name, PinTarget::Tenant(tenant), pinning, version).await
}

/// Pins a connection to a version of its plugin that was approved or has served. Swaps do not affect it. A version that
/// changes how people are identified is refused, unless `agree=true` is set.
#[utoipa::path(put, path = "/api/v1/plugins/{name}/pins/connections/{key}", security(("key" = ["plugins:write"])), tag = "plugins",
    params(("name" = String, Path), ("key" = String, Path), Pinning),
    responses((status = 200, body = PluginPin), Forbidden, NotFound, Conflict, Unprocessable))]
async fn pin_connection(
    State(connections): State<Connections>,
    AllTenants(PluginsWrite(caller)): AllTenants<PluginsWrite>,
    Path((name, key)): Path<(String, String)>,
    Query(pinning): Query<Pinning>,
    Json(version): Json<PinnedVersion>,
) -> Result<axum::Json<PluginPin>, Problem> {
    pin(&connections, &caller, name, PinTarget::Connection(key), pinning, version).await
}

/// Unpins a tenant: its connections without a pin of their own are served by the version that the plugin runs. A version
/// that changes how people are identified is refused, unless `agree=true` is set.
#[utoipa::path(delete, path = "/api/v1/plugins/{name}/pins/tenants/{tenant}", security(("key" = ["plugins:write"])), tag = "plugins",
    params(("name" = String, Path), ("tenant" = String, Path), Pinning),
    responses((status = 200, body = Unpinned), Forbidden, NotFound, Conflict, Unprocessable))]
async fn unpin_tenant(
    State(connections): State<Connections>,
    AllTenants(PluginsWrite(caller)): AllTenants<PluginsWrite>,
    Path((name, tenant)): Path<(String, String)>,
    Query(Pinning { agree }): Query<Pinning>,
) -> Result<axum::Json<Unpinned>, Problem> {
    let target = PinTarget::Tenant(tenant.clone());
    connections.unpin(&caller.who(), &name, target, Approval::from(agree)).await?;
    Ok(axum::Json(Unpinned { name, tenant: Some(tenant), connection: None }))
}

/// Unpins a connection, which is then served by the version that its tenant is pinned to, or that the plugin runs. A version
/// that changes how people are identified is refused, unless `agree=true` is set.
#[utoipa::path(delete, path = "/api/v1/plugins/{name}/pins/connections/{key}", security(("key" = ["plugins:write"])), tag = "plugins",
    params(("name" = String, Path), ("key" = String, Path), Pinning),
    responses((status = 200, body = Unpinned), Forbidden, NotFound, Conflict, Unprocessable))]
async fn unpin_connection(
    State(connections): State<Connections>,
    AllTenants(PluginsWrite(caller)): AllTenants<PluginsWrite>,
    Path((name, key)): Path<(String, String)>,
    Query(Pinning { agree }): Query<Pinning>,
) -> Result<axum::Json<Unpinned>, Problem> {
    let target = PinTarget::Connection(key.clone());
    connections.unpin(&caller.who(), &name, target, Approval::from(agree)).await?;
    Ok(axum::Json(Unpinned { name, tenant: None, connection: Some(key) }))
}

async fn pin(
    connections: &Connections,
    caller: &Caller,
    plugin: String,
    target: PinTarget,
    Pinning { agree }: Pinning,
    PinnedVersion { digest, note }: PinnedVersion,
) -> Result<axum::Json<PluginPin>, Problem> {
    let digest = digest.parse().map_err(|_| {
        Problem::of(
            kinds::BAD_BODY,
            format!("digest: expected sha256: and 64 hexadecimal digits, found `{digest}`"),
        )
    })?;
    let new = NewPin { plugin, digest, target, note };
    let pin = connections.pin(&caller.who(), new, Approval::from(agree)).await?;
    Ok(axum::Json(pin.into()))
}

impl From<PinError> for Problem {
    fn from(error: PinError) -> Self {
        let detail = error.to_string();
        match error {
            PinError::Version(unusable) => unusable.into(),
            PinError::NotApproved(error) => error.into(),
            PinError::UnknownConnection(_) | PinError::NoConnection { .. } | PinError::NotPinned(_) => {
                Self::of(kinds::UNKNOWN, detail)
            }
            PinError::AnotherPlugin { .. } => Self::of(kinds::UNSUITED, detail),
            PinError::Unsuited(errors) => {
                let errors = errors.into_iter().map(|error| {
                    (format!("connections.{}.{}", error.connection, field(&error)), error.problem.to_string())
                });
                Self::of(kinds::UNSUITED, detail).about_fields(errors)
            }
            PinError::Change(change) => change.into(),
            PinError::NotRunning(_) => Self::of(kinds::NOT_USABLE, detail),
            PinError::LongNote(_) => Self::of(kinds::BAD_BODY, format!("note: {detail}")),
            PinError::Store(error) => error.into(),
        }
    }
}
