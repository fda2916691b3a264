//! What was begun with a plugin: how far it is, step by step, and what came of it.

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    routing::get,
};
use host_api::{
    page::ApiClient,
    types::{
        plugin_operations::{OperationState, PluginAction, PluginOperation},
        problem::Problem,
    },
};
use http::Method;

use super::{
    agreed,
    plugin::{act, operation_tag},
    plugin_paths,
    shown_request::StateTag,
    version::StepRow,
};
use crate::{
    answers::{Failed, Screen},
    frame::{Frame, NavSection},
    state::Page,
    text::{Time, segment, short},
    user::User,
};

pub(super) fn routes() -> Router<Page> {
    Router::new().route("/plugin-operations/{id}", get(show))
}

/// Where an operation leads.
struct NextScreen {
    address: String,
    text: &'static str,
}

#[derive(Template)]
#[template(path = "operation.html")]
struct OperationScreen {
    frame: Frame,
    plugin: String,
    plugin_address: String,
    address: String,
    state: StateTag,
    is_running: bool,
    version: Option<String>,
    began: Time,
    ended: Option<Time>,
    by: String,
    steps: Vec<StepRow>,
    problem: Option<Problem>,
    next: Option<NextScreen>,
}

async fn show(
    State(api): State<ApiClient>,
    user: User,
    Path(id): Path<String>,
) -> Result<Screen<OperationScreen>, Failed> {
    let path = format!("/api/v1/plugin-operations/{}", segment(&id));
    let operation: PluginOperation = api.call(&user.caller, Method::GET, &path, None).await?;
    let next = next(&operation);
    let PluginOperation { id, plugin, action, digest, by, began_at, state, steps, ended_at, problem, .. } =
        operation;
    Ok(Screen(OperationScreen {
        frame: Frame::of(&user, NavSection::Plugins, format!("{} of plugin {plugin}", act(action))),
        plugin_address: plugin_paths::plugin(&plugin),
        address: plugin_paths::operation(&id),
        state: operation_tag(state),
        is_running: state == OperationState::Running,
        version: digest.as_deref().map(short),
        began: Time::at(began_at),
        ended: ended_at.map(Time::at),
        by,
        steps: steps.into_iter().rev().map(Into::into).collect(),
        problem,
        next,
        plugin,
    }))
}

/// Returns where an operation that has ended leads; `None` while it runs.
fn next(operation: &PluginOperation) -> Option<NextScreen> {
    let PluginOperation { plugin, digest, action, state, problem, .. } = operation;
    let of_version = |rest: &str, text| {
        let digest = digest.as_ref()?;
        Some(NextScreen { address: format!("{}{rest}", plugin_paths::version(plugin, digest)), text })
    };
    let lacks_approval = problem.as_ref().is_some_and(agreed::lacks_approval);
    match (state, action) {
        (OperationState::Running, _) => None,
        (OperationState::Succeeded, PluginAction::Upload) => {
            of_version("", "Look at the version, then approve it")
        }
        (OperationState::Failed, PluginAction::Serve) if lacks_approval => {
            of_version("/serve?agree=true", "Approve this, and serve it")
        }
        (OperationState::Failed, PluginAction::RollBack) if lacks_approval => Some(NextScreen {
            address: format!("{}/roll-back?agree=true", plugin_paths::plugin(plugin)),
            text: "Approve this, and roll back",
        }),
        (OperationState::Failed, PluginAction::Pull) if lacks_approval => Some(NextScreen {
            address: format!("{}/pull?agree=true", plugin_paths::plugin(plugin)),
            text: "Approve this, and pull it again",
        }),
        (OperationState::Failed, PluginAction::Publish) if lacks_approval => Some(NextScreen {
            address: format!("/plugin-upload?plugin={}", segment(plugin)),
            text: "Upload it for an approval",
        }),
        (OperationState::Succeeded | OperationState::Failed, _) => {
            Some(NextScreen { address: plugin_paths::plugin(plugin), text: "Show the plugin" })
        }
    }
}
