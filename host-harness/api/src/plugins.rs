//! Plugins: the running versions, and publishing and rolling back versions at run time.
//! Tested in `src/tests/plugins.rs`.

use axum::{
    body::Bytes,
    extract::{DefaultBodyLimit, State, rejection::BytesRejection},
    http::StatusCode,
};
use serde_json::json;
use utoipa_axum::{
    router::{OpenApiRouter, UtoipaMethodRouterExt},
    routes,
};

use crate::{
    body::{Path, Query},
    caller::{AllTenants, Caller, PluginsRead, PluginsWrite},
    problem::{Problem, field, kinds},
    refusals::{Conflict, Forbidden, NotFound, Unprocessable},
    state::Api,
    types::{
        pins::PluginPin,
        plugins::{self, Permissions, PublishedVersion, Publishing, RollingBack},
    },
};
use host_harness::plugin::{self, LoadError, SwapError};
use host_service::connections::{
    Connections, approval::Approval, publication::Upload, publish_error::PublishError,
};
use host_store::pins::Pin;

/// The maximum size of an upload, in bytes. A plugin's own `max-bytes`, 2 MiB by default, is checked afterwards.
pub(crate) const MAX_COMPONENT: usize = 64 << 20;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_plugins))
        .routes(routes!(inspect_plugin, publish_plugin).layer(DefaultBodyLimit::max(MAX_COMPONENT)))
        .routes(routes!(roll_back_plugin))
}

/// Lists the running plugins.
#[utoipa::path(get, path = "/api/v1/plugins", security(("key" = ["plugins:read"])), tag = "plugins", responses((status = 200, body = plugins::Plugins)))]
async fn list_plugins(
    State(connections): State<Connections>,
    PluginsRead(caller): PluginsRead,
) -> Result<axum::Json<plugins::Plugins>, Problem> {
    let mut plugins = Vec::new();
    for (name, slot) in connections.served().host().plugins().iter() {
        let pins = pins_of(&connections, &caller, name).await?;
        plugins.push(plugins::Plugin::of(name, slot.current().plugin(), pins));
    }
    Ok(axum::Json(plugins::Plugins { plugins }))
}

/// Returns the pins of a plugin that are about what `caller` can access.
async fn pins_of(connections: &Connections, caller: &Caller, name: &str) -> Result<Vec<PluginPin>, Problem> {
    let reach = caller.reach();
    let reaches = |pin: &Pin| match pin.scope.connection() {
        Some(key) => reach.includes(&pin.tenant, key),
        None => reach.includes_some_of(&pin.tenant),
    };
    let pins = connections.pins(name).await?.into_iter().map(|stored| stored.pin);
    Ok(pins.filter(reaches).map(PluginPin::from).collect())
}

/// Shows a running plugin and everything that it may do, with every setting, operation and limit.
#[utoipa::path(get, path = "/api/v1/plugins/{name}", security(("key" = ["plugins:read"])), tag = "plugins", params(("name" = String, Path)),
    responses((status = 200, body = Permissions), NotFound))]
async fn inspect_plugin(
    State(connections): State<Connections>,
    PluginsRead(caller): PluginsRead,
    Path(name): Path<String>,
) -> Result<axum::Json<Permissions>, Problem> {
    let slot = connections.served().host().plugin(&name);
    let slot = slot.ok_or_else(|| Problem::of(kinds::UNKNOWN, format!("there is no plugin `{name}`")))?;
    let pins = pins_of(&connections, &caller, &name).await?;
    let permissions = Permissions::from(plugin::Permissions::from(&**slot.current().plugin()));
    Ok(axum::Json(Permissions { pins, ..permissions }))
}

/// Publishes a component as a plugin's new version, or as a new plugin. Calls in progress finish on the version that
/// they started with. A version that requests more permissions than the running one is refused with a list of them,
/// unless `agree=true` is set, and so is one that makes something else of stored deliveries and requests.
#[utoipa::path(post, path = "/api/v1/plugins/{name}", security(("key" = ["plugins:write"])), tag = "plugins", params(("name" = String, Path), Publishing),
    request_body(content = Vec<u8>, content_type = "application/wasm"),
    responses((status = 200, body = PublishedVersion), Forbidden, Conflict, Unprocessable))]
async fn publish_plugin(
    State(connections): State<Connections>,
    AllTenants(PluginsWrite(caller)): AllTenants<PluginsWrite>,
    Path(name): Path<String>,
    Query(publishing): Query<Publishing>,
    component: Result<Bytes, BytesRejection>,
) -> Result<axum::Json<PublishedVersion>, Problem> {
    let bytes = self::component(component)?;
    let (approval, conditions) = (publishing.agree.into(), publishing.conditions());
    let tests = publishing.test_connections.into();
    let upload = Upload { plugin: name.clone(), bytes, conditions, note: publishing.note, tests };
    let published = connections.publish(&caller.who(), upload, approval).await?;
    Ok(axum::Json(PublishedVersion::of(name, &published)))
}

/// Returns the component that a caller sent.
pub(crate) fn component(sent: Result<Bytes, BytesRejection>) -> Result<Vec<u8>, Problem> {
    let sent = sent.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            let detail = format!("the maximum for a component is {MAX_COMPONENT} bytes");
            Problem::of(kinds::TOO_LARGE, detail)
        }
        _ => Problem::of(kinds::BAD_BODY, rejection.body_text()),
    })?;
    Ok(sent.to_vec())
}

/// Rolls back to the version before the published one. A second roll-back undoes the first. A version that changes how
/// people are identified is refused, unless `agree=true` is set.
#[utoipa::path(post, path = "/api/v1/plugins/{name}/roll-back", security(("key" = ["plugins:write"])), tag = "plugins",
    params(("name" = String, Path), RollingBack),
    responses((status = 200, body = PublishedVersion), Forbidden, NotFound, Conflict, Unprocessable))]
async fn roll_back_plugin(
    State(connections): State<Connections>,
    AllTenants(PluginsWrite(caller)): AllTenants<PluginsWrite>,
    Path(name): Path<String>,
    Query(RollingBack { agree }): Query<RollingBack>,
) -> Result<axum::Json<PublishedVersion>, Problem> {
    let published = connections.roll_back(&caller.who(), &name, Approval::from(agree)).await?;
    Ok(axum::Json(PublishedVersion::of(name, &published)))
}

impl From<PublishError> for Problem {
    fn from(error: PublishError) -> Self {
        let detail = error.to_string();
        let agree = "publish it again with agree=true to approve this";
        match error {
            PublishError::Store(error) => error.into(),
            PublishError::New { changes, .. } | PublishError::Swap(SwapError::AsksForMore(changes)) => {
                let changes: Vec<String> = changes.0.iter().map(ToString::to_string).collect();
                Self::of(kinds::ASKS_FOR_MORE, format!("{detail}\n{agree}")).with("changes", json!(changes))
            }
            PublishError::Rekeys { changes, .. } => {
                let changes: Vec<String> = changes.0.iter().map(ToString::to_string).collect();
                Self::of(kinds::ASKS_FOR_MORE, format!("{detail}\nroll back with agree=true to approve this"))
                    .with("changes", json!(changes))
            }
            PublishError::Swap(SwapError::OffersLess(_)) => {
                Self::of(kinds::ASKS_FOR_MORE, format!("{detail}\n{agree}"))
            }
            PublishError::Swap(SwapError::Settings(errors)) => {
                let errors = errors.into_iter().map(|error| {
                    (format!("connections.{}.{}", error.connection, field(&error)), error.problem.to_string())
                });
                Self::of(kinds::NOT_REPLACED, detail).about_fields(errors)
            }
            PublishError::Load(LoadError::TooLarge { found, .. }) => {
                let allow = format!(
                    "if it is not in the configuration file, publish it again with max_bytes={found} to allow this"
                );
                Self::of(kinds::NO_COMPONENT, format!("{detail}\n{allow}"))
            }
            PublishError::BehavesDifferently(shadow) => Self::of(
                kinds::BEHAVES_DIFFERENTLY,
                format!("{detail}\napprove this, or publish it with agree=true"),
            )
            .with("differences", json!(shadow.sentences())),
            PublishError::TestsFailed(_) => Self::of(kinds::CONNECTION_TEST_FAILED, detail),
            PublishError::OwnCases(_) => Self::of(kinds::BAD_CASES, detail),
            PublishError::NotProven(_) => Self::of(kinds::NOT_PROVEN, detail),
            PublishError::Named(_) | PublishError::Load(_) | PublishError::Cases(_) => {
                Self::of(kinds::NO_COMPONENT, detail)
            }
            PublishError::Excessive(_) | PublishError::LongNote(_) => Self::of(kinds::BAD_QUERY, detail),
            PublishError::Unknown(_) | PublishError::UnknownVersion { .. } => {
                Self::of(kinds::UNKNOWN, detail)
            }
            PublishError::Swap(_)
            | PublishError::FollowsFile(_)
            | PublishError::ConditionsOfFile(_)
            | PublishError::NotApproved { .. }
            | PublishError::Unproven { .. }
            | PublishError::NothingBefore(_)
            | PublishError::Overtaken(_)
            | PublishError::BeforeIsGone(_)
            | PublishError::BeforeIsChanged(_) => Self::of(kinds::NOT_REPLACED, detail),
        }
    }
}
