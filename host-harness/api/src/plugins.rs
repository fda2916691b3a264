//! Plugins: the running versions, and publishing and rolling back versions at run time.
//! Tested in `src/tests/plugins.rs`.

use std::sync::Arc;

use axum::{
    extract::{DefaultBodyLimit, State},
    http::StatusCode,
    response::Response,
};
use host_model::plugin_operation::PluginAction;
use serde_json::json;
use utoipa_axum::{
    router::{OpenApiRouter, UtoipaMethodRouterExt},
    routes,
};

use crate::{
    body::{Path, Query},
    caller::{AllTenants, Caller, PluginsRead, PluginsWrite},
    plugin_operations::{OperationParams, OperationRequest, OperationRunner},
    prefer::PreferHeader,
    problem::{Problem, field, kinds},
    refusals::{Conflict, Forbidden, NotFound, Unprocessable},
    sent_version::{MAX_VERSION_BODY, SentVersion},
    state::Api,
    types::{
        given_settings::ComponentWithSettings,
        pins::PluginPin,
        plugin_operations::PluginOperation,
        plugins::{self, Permissions, PublishedVersion, Publishing, RollingBack},
        registries::PluginNotPulled,
        trust::PluginTrust,
    },
};
use host_harness::plugin::{self, LoadError, SwapError};
use host_service::{
    connections::{
        Connections, approval::Approval, publication::Upload, publish_error::PublishError,
        pulls::RegistryPlugin,
    },
    plugin_operations::{NewOperation, RunningOperation},
};
use host_store::pins::Pin;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_plugins))
        .routes(routes!(inspect_plugin, publish_plugin).layer(DefaultBodyLimit::max(MAX_VERSION_BODY)))
        .routes(routes!(roll_back_plugin))
}

/// Lists the running plugins.
#[utoipa::path(get, path = "/api/v1/plugins", security(("key" = ["plugins:read"])), tag = "plugins", responses((status = 200, body = plugins::Plugins)))]
async fn list_plugins(
    State(connections): State<Connections>,
    PluginsRead(caller): PluginsRead,
) -> Result<axum::Json<plugins::Plugins>, Problem> {
    let (mut plugins, mut in_registries) = (Vec::new(), connections.registry_plugins().await?);
    for (name, slot) in connections.served().host().plugins().iter() {
        let pins = pins_of(&connections, &caller, name).await?;
        let registry = in_registries.remove(name).map(Into::into);
        plugins
            .push(plugins::Plugin { registry, ..plugins::Plugin::of(name, slot.current().plugin(), pins) });
    }
    let not_pulled = in_registries.into_iter();
    let not_pulled = not_pulled.map(|(name, registry)| PluginNotPulled { name, registry: registry.into() });
    Ok(axum::Json(plugins::Plugins { plugins, not_pulled: not_pulled.collect() }))
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

/// Returns whose signatures a plugin needs.
pub(crate) async fn trust_of(connections: &Connections, name: &str) -> Result<Option<PluginTrust>, Problem> {
    let Some(trust) = connections.served().host().admission().trust_for(name) else { return Ok(None) };
    let (mark, problem) = match connections.mark(name).await {
        Err(error) if error.is_about_one_row() => (None, Some(error.to_string())),
        mark => (mark?, None),
    };
    Ok(Some(PluginTrust { problem, ..PluginTrust::of(&trust, mark) }))
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
    let registry = connections.registry_plugins().await?.remove(&name);
    let slot = slot.ok_or_else(|| Problem::of(kinds::UNKNOWN, not_running(&name, registry.as_ref())))?;
    let pins = pins_of(&connections, &caller, &name).await?;
    let trust = trust_of(&connections, &name).await?;
    let permissions = Permissions::from(plugin::Permissions::from(&**slot.current().plugin()));
    Ok(axum::Json(Permissions { pins, trust, registry: registry.map(Into::into), ..permissions }))
}

/// Says that no version of a plugin runs.
fn not_running(name: &str, registry: Option<&RegistryPlugin>) -> String {
    match registry {
        Some(RegistryPlugin { reference, failure: Some(failure), .. }) => {
            format!("plugin `{name}` does not run: {reference} was not pulled: {}", failure.problem)
        }
        Some(RegistryPlugin { reference, .. }) => {
            format!("plugin `{name}` does not run: {reference} is being pulled")
        }
        None => format!("there is no plugin `{name}`"),
    }
}

/// Publishes a component as a plugin's new version, or as a new plugin. Calls in progress finish on the version that
/// they started with. A version that requests more permissions than the running one is refused with a list of them,
/// unless `agree=true` is set, and so is one that makes something else of stored deliveries and requests. As JSON,
/// the body also has the bundle with its signature, which is required if the configuration has keys for the plugin's name
/// (problem `not-trusted`, with a code as `reason`), and settings that its connections need from this version on; these
/// apply as it begins to serve, and require the scope `connections:write` too.
#[utoipa::path(post, path = "/api/v1/plugins/{name}", security(("key" = ["plugins:write"])), tag = "plugins",
    params(("name" = String, Path), Publishing, OperationParams),
    request_body(content((Vec<u8> = "application/wasm"), (ComponentWithSettings = "application/json"))),
    responses((status = 200, body = PublishedVersion), (status = 202, body = PluginOperation), Forbidden, Conflict, Unprocessable))]
async fn publish_plugin(
    State(connections): State<Connections>,
    State(runner): State<OperationRunner>,
    AllTenants(PluginsWrite(caller)): AllTenants<PluginsWrite>,
    Path(name): Path<String>,
    Query(publishing): Query<Publishing>,
    prefer: PreferHeader,
    mut sent: SentVersion,
) -> Result<Response, Problem> {
    let settings = sent.given(&caller)?;
    let (approval, conditions) = (publishing.agree.into(), publishing.conditions());
    let (tests, note) = (publishing.test_connections.into(), publishing.note);
    let uploader = Some(caller.key().id.clone());
    let upload = Upload {
        bundle: sent.bundle,
        conditions,
        note,
        tests,
        settings,
        uploader,
        ..Upload::new(&*name, sent.component)
    };
    let (action, digest) = (PluginAction::Publish, Some(upload.digest));
    let new = NewOperation { who: caller.who(), plugin: name.clone(), action, digest };
    let request = OperationRequest { new, prefer, status: StatusCode::OK };
    let publishing = async move |operation: Arc<RunningOperation>| {
        let published = connections.publish(&operation, upload, approval).await?;
        Ok(PublishedVersion::of(name, &published))
    };
    runner.carry_out(request, publishing).await
}

/// Rolls back to the version before the published one. A second roll-back undoes the first. A version that changes how
/// people are identified is refused, unless `agree=true` is set.
#[utoipa::path(post, path = "/api/v1/plugins/{name}/roll-back", security(("key" = ["plugins:write"])), tag = "plugins",
    params(("name" = String, Path), RollingBack, OperationParams),
    responses((status = 200, body = PublishedVersion), (status = 202, body = PluginOperation), Forbidden, NotFound, Conflict, Unprocessable))]
async fn roll_back_plugin(
    State(connections): State<Connections>,
    State(runner): State<OperationRunner>,
    AllTenants(PluginsWrite(caller)): AllTenants<PluginsWrite>,
    Path(name): Path<String>,
    Query(RollingBack { agree }): Query<RollingBack>,
    prefer: PreferHeader,
) -> Result<Response, Problem> {
    let action = PluginAction::RollBack;
    let new = NewOperation { who: caller.who(), plugin: name.clone(), action, digest: None };
    let request = OperationRequest { new, prefer, status: StatusCode::OK };
    let rolling_back = async move |operation: Arc<RunningOperation>| {
        let published = connections.roll_back(&operation, &name, Approval::from(agree)).await?;
        Ok(PublishedVersion::of(name, &published))
    };
    runner.carry_out(request, rolling_back).await
}

impl From<PublishError> for Problem {
    fn from(error: PublishError) -> Self {
        let detail = error.to_string();
        let agree = "publish it again with agree=true to approve this";
        match error {
            PublishError::Store(error) => error.into(),
            PublishError::NotTrusted(refusal) => {
                Self::of(kinds::NOT_TRUSTED, detail).with("reason", json!(refusal.code()))
            }
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
            PublishError::DropsDenials(_) => Self::of(
                kinds::ASKS_FOR_MORE,
                format!("{detail}\nput it back with agree=true to set them aside"),
            ),
            PublishError::TestsFailed(_) => Self::of(kinds::CONNECTION_TEST_FAILED, detail),
            PublishError::OwnCases(_) => Self::of(kinds::BAD_CASES, detail),
            PublishError::OwnUpload { .. }
            | PublishError::UnknownUploader { .. }
            | PublishError::SecondPersonNeeded(_)
            | PublishError::AwaitsApproval { .. } => Self::of(kinds::SECOND_PERSON, detail),
            PublishError::NotProven(_) => Self::of(kinds::NOT_PROVEN, detail),
            PublishError::Given(error) => (*error).into(),
            PublishError::NotOfPlugin { ref connection, .. } => {
                let field = format!("connections.{connection}");
                Self::of(kinds::UNSUITED, &*detail).about_fields([(field, detail)])
            }
            PublishError::Named(_) | PublishError::Load(_) | PublishError::Cases(_) => {
                Self::of(kinds::NO_COMPONENT, detail)
            }
            PublishError::Excessive(_) | PublishError::LongNote(_) => Self::of(kinds::BAD_QUERY, detail),
            PublishError::NotPulled(_) => Self::of(kinds::NOT_PULLED, detail),
            PublishError::Unknown(_) | PublishError::UnknownVersion { .. } => {
                Self::of(kinds::UNKNOWN, detail)
            }
            PublishError::Swap(_)
            | PublishError::FollowsFile(_)
            | PublishError::NotInRegistry(_)
            | PublishError::ConditionsOfFile(_)
            | PublishError::NotApproved { .. }
            | PublishError::Unproven { .. }
            | PublishError::NothingBefore(_)
            | PublishError::NotPrepared { .. }
            | PublishError::Unprepared { .. }
            | PublishError::Overtaken(_)
            | PublishError::ReleaseInProgress { .. }
            | PublishError::AlreadyServes(_)
            | PublishError::NothingToRestore(_)
            | PublishError::BeforeIsGone(_)
            | PublishError::BeforeIsChanged(_) => Self::of(kinds::NOT_REPLACED, detail),
        }
    }
}
