//! A plugin: what runs and may do what, its versions, its pins, and what was begun with it.

use askama::Template;
use axum::{
    Form, Router,
    extract::{Path, Query, State},
    response::{IntoResponse as _, Redirect, Response},
    routing::get,
};
use host_api::{
    page::ApiClient,
    types::{
        plugin_operations::{OperationState, PluginAction, PluginOperation, PluginOperations},
        plugins::Permissions,
        problem::Problem,
        versions::{PluginVersion, PluginVersions, VersionSource, VersionState},
    },
};
use http::Method;

use super::{
    agreed::Agreed,
    permissions::PermissionList,
    pins::PinRow,
    plugin_paths,
    pull::{self, RegistryPlace},
    release::{self, ReleaseView},
    shown_request::StateTag,
    trust::{self, TrustView},
};
use crate::{
    answers::{Failed, Screen},
    confirm::{ConfirmScreen, Tone},
    frame::{Frame, NavSection},
    state::Page,
    text::{Time, short},
    user::User,
};

/// How many of the latest operations are shown.
const LATEST: usize = 5;

pub(super) fn routes() -> Router<Page> {
    Router::new()
        .route("/plugins/{name}", get(show))
        .route("/plugins/{name}/roll-back", get(ask_roll_back).post(roll_back))
        .merge(pull::routes())
        .merge(trust::routes())
}

/// A version as the lists show it.
pub(super) struct VersionRow {
    pub(super) digest: String,
    pub(super) short_digest: String,
    pub(super) version: String,
    pub(super) state: StateTag,
    pub(super) source: &'static str,
    pub(super) note: Option<String>,
    pub(super) last: Option<Time>,
    pub(super) by: String,
    pub(super) is_stored: bool,
}

impl From<&PluginVersion> for VersionRow {
    fn from(version: &PluginVersion) -> Self {
        let last = version.steps.last();
        Self {
            short_digest: short(&version.digest),
            digest: version.digest.clone(),
            version: version.version.clone().unwrap_or_else(|| "never loaded".to_owned()),
            state: tag(version.state),
            source: match version.source {
                VersionSource::Upload => "uploaded",
                VersionSource::File => "from the file in the configuration",
                VersionSource::Registry => "pulled from the registry in the configuration",
                VersionSource::Earlier => "published before versions had a history",
            },
            note: version.note.clone(),
            last: last.map(|step| Time::at(step.at)),
            by: last.map(|step| step.by.clone()).unwrap_or_default(),
            is_stored: version.is_stored,
        }
    }
}

/// Returns a state of a version as a tag.
pub(super) fn tag(state: VersionState) -> StateTag {
    let (word, tone) = match state {
        VersionState::Uploaded => ("Uploaded", "open"),
        VersionState::Compiled => ("Compiled", "open"),
        VersionState::Proven => ("Waits for approval", "open"),
        VersionState::Approved => ("Approved", "good"),
        VersionState::Serving => ("Serving", "good"),
        VersionState::Retired => ("Retired", "quiet"),
        VersionState::Refused => ("Refused", "bad"),
    };
    StateTag { word, tone }
}

/// An operation as the list shows it.
struct PluginOperationRow {
    id: String,
    what: &'static str,
    state: StateTag,
    began: Time,
    by: String,
}

impl From<PluginOperation> for PluginOperationRow {
    fn from(operation: PluginOperation) -> Self {
        let PluginOperation { id, action, state, began_at, by, .. } = operation;
        Self { id, what: act(action), state: operation_tag(state), began: Time::at(began_at), by }
    }
}

/// Returns what was begun, as a noun.
pub(super) fn act(action: PluginAction) -> &'static str {
    match action {
        PluginAction::Publish => "Publication",
        PluginAction::Upload => "Upload",
        PluginAction::Serve => "Change of the version that serves",
        PluginAction::RollBack => "Roll-back",
        PluginAction::Pull => "Pull from the registry",
    }
}

/// Returns how far an operation is, as a tag.
pub(super) fn operation_tag(state: OperationState) -> StateTag {
    let (word, tone) = match state {
        OperationState::Running => ("Under way", "open"),
        OperationState::Succeeded => ("Done", "good"),
        OperationState::Failed => ("Not done", "bad"),
    };
    StateTag { word, tone }
}

#[derive(Template)]
#[template(path = "plugin.html")]
struct PluginScreen {
    frame: Frame,
    name: String,
    address: String,
    digest: String,
    short_digest: String,
    permissions: PermissionList,
    versions: Vec<VersionRow>,
    has_before: bool,
    registry: Option<RegistryPlace>,
    trust: Option<TrustView>,
    /// Whether the key may see what concerns all tenants.
    sees_all: bool,
    pins: Vec<PinRow>,
    operations: Vec<PluginOperationRow>,
    release: Option<ReleaseView>,
}

async fn show(
    State(api): State<ApiClient>,
    user: User,
    Path(name): Path<String>,
) -> Result<Response, Failed> {
    let path = plugin_paths::plugin_in_api(&name);
    let versions = for_all(api.call(&user.caller, Method::GET, &format!("{path}/versions"), None).await)?;
    let sees_all = versions.is_some();
    let versions = versions.map(|PluginVersions { versions, .. }| versions).unwrap_or_default();
    let operations = format!("{path}/operations");
    let operations = for_all(api.call(&user.caller, Method::GET, &operations, None).await)?;
    let operations = operations.map(|PluginOperations { operations, .. }| operations).unwrap_or_default();
    let running = api.call::<Permissions>(&user.caller, Method::GET, &path, None).await;
    let running = match (running, versions.first()) {
        (Ok(running), _) => running,
        // Nothing of it has served yet, or its file does not load: what is known of it are its versions.
        (Err(problem), Some(latest)) if problem.status == 404 => {
            return Ok(Redirect::to(&format!("{}/versions/{}", plugin_paths::plugin(&name), latest.digest))
                .into_response());
        }
        (Err(problem), _) => return Err(problem.into()),
    };
    let release = release::of_plugin(&api, &user, &name).await?;
    let served = versions.iter().filter(|version| version.served_at.is_some() && version.is_stored);
    Ok(Screen(PluginScreen {
        frame: Frame::of(&user, NavSection::Plugins, format!("Plugin {name}")),
        address: plugin_paths::plugin(&name),
        short_digest: short(&running.digest),
        permissions: PermissionList::from(&running),
        registry: running.registry.map(Into::into),
        trust: running.trust.map(Into::into),
        has_before: served.count() > 1,
        versions: versions.iter().map(Into::into).collect(),
        sees_all,
        pins: running.pins.into_iter().map(Into::into).collect(),
        operations: operations.into_iter().take(LATEST).map(Into::into).collect(),
        digest: running.digest,
        release,
        name,
    })
    .into_response())
}

/// Returns what concerns all tenants; `None` if the key may not see it.
fn for_all<T>(answer: Result<T, Problem>) -> Result<Option<T>, Failed> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(problem) if problem.status == 403 => Ok(None),
        Err(problem) => Err(problem.into()),
    }
}

async fn ask_roll_back(
    user: User,
    Path(name): Path<String>,
    Query(agreed): Query<Agreed>,
) -> Screen<ConfirmScreen> {
    let mut consequences = vec![
        "The version that served before serves all connections without a pin of their own again, from their next call on. \
         Calls in progress end on the version that they began with."
            .to_owned(),
        "Rolling back once more returns to the version that serves now.".to_owned(),
    ];
    consequences.extend(agreed.consequence());
    Screen(ConfirmScreen {
        frame: Frame::of(&user, NavSection::Plugins, format!("Roll plugin {name} back?")),
        consequences,
        action: format!("{}/roll-back", plugin_paths::plugin(&name)),
        kept: agreed.kept(),
        button: "Roll back".to_owned(),
        tone: Tone::Main,
        back: plugin_paths::plugin(&name),
    })
}

async fn roll_back(
    State(api): State<ApiClient>,
    user: User,
    Path(name): Path<String>,
    Form(Agreed { agree }): Form<Agreed>,
) -> Result<Response, Failed> {
    let path = format!("{}/roll-back?agree={agree}", plugin_paths::plugin_in_api(&name));
    let begun = api.begin(&user.caller, &path, None).await?;
    Ok(plugin_paths::to_begun(&begun))
}
