//! The registry that a plugin comes from: how far it was pulled, and pulling it again.

use axum::{
    Form, Router,
    extract::{Path, Query, State},
    response::Response,
    routing::get,
};
use host_api::{
    page::ApiClient,
    types::registries::{PluginPull, PluginRegistry, PullFailure},
};

use super::{agreed::Agreed, plugin_paths};
use crate::{
    answers::{Failed, Screen},
    confirm::{ConfirmScreen, Tone},
    frame::{Frame, NavSection},
    state::Page,
    text::{Time, short},
    user::User,
};

pub(super) fn routes() -> Router<Page> {
    Router::new().route("/plugins/{name}/pull", get(ask_pull).post(pull))
}

/// The place of a plugin in a registry.
pub(super) struct RegistryPlace {
    pub(super) reference: String,
    pub(super) copy: Option<PulledCopy>,
    pub(super) failure: Option<FailedPull>,
}

/// The copy in the database.
pub(super) struct PulledCopy {
    pub(super) at: Time,
    pub(super) manifest: String,
    pub(super) short_manifest: String,
}

/// Why the last pull failed.
pub(super) struct FailedPull {
    pub(super) at: Time,
    pub(super) problem: String,
    pub(super) again: Option<Time>,
}

impl From<PluginRegistry> for RegistryPlace {
    fn from(PluginRegistry { reference, pulled, failure }: PluginRegistry) -> Self {
        let copy = pulled.map(|PluginPull { manifest, pulled_at, .. }| PulledCopy {
            at: Time::at(pulled_at),
            short_manifest: short(&manifest),
            manifest,
        });
        let failure = failure.map(|PullFailure { failed_at, problem, again_at, .. }| FailedPull {
            at: Time::at(failed_at),
            problem,
            again: again_at.map(Time::at),
        });
        Self { reference, copy, failure }
    }
}

async fn ask_pull(
    user: User,
    Path(name): Path<String>,
    Query(agreed): Query<Agreed>,
) -> Screen<ConfirmScreen> {
    let mut consequences = vec![
        "The registry is asked where the reference leads now. The version that it gives proves itself, and serves from the \
         next call on if it requests and does nothing new. Calls in progress end on the version that they began with."
            .to_owned(),
    ];
    let approval =
        "You approve what this version requests beyond the one that serves, and what it does differently.";
    consequences.extend(agreed.agree.then(|| approval.to_owned()));
    Screen(ConfirmScreen {
        frame: Frame::of(&user, NavSection::Plugins, format!("Pull plugin {name} again?")),
        consequences,
        action: format!("{}/pull", plugin_paths::plugin(&name)),
        kept: agreed.kept(),
        button: "Pull".to_owned(),
        tone: Tone::Main,
        back: plugin_paths::plugin(&name),
    })
}

async fn pull(
    State(api): State<ApiClient>,
    user: User,
    Path(name): Path<String>,
    Form(Agreed { agree }): Form<Agreed>,
) -> Result<Response, Failed> {
    let path = format!("{}/pull?agree={agree}", plugin_paths::plugin_in_api(&name));
    let begun = api.begin(&user.caller, &path, None).await?;
    Ok(plugin_paths::to_begun(&begun))
}
