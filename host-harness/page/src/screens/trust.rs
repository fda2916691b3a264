//! Whose signatures a plugin needs, and restoring its newest admitted revision.

use axum::{
    Router,
    extract::{Path, State},
    response::Response,
    routing::get,
};
use host_api::{
    page::ApiClient,
    types::trust::{PluginTrust, ReleaseMark, RequiredSignature},
};
use http::Method;

use super::plugin_paths;
use crate::{
    answers::{Failed, Screen},
    confirm::{ConfirmScreen, Tone},
    done::Done,
    frame::{Frame, NavSection},
    state::Page,
    text::short,
    user::User,
};

pub(super) fn routes() -> Router<Page> {
    Router::new().route("/plugins/{name}/restore-revision", get(ask_restore).post(restore))
}

/// Whose signatures a plugin needs, as the screen of the plugin shows it.
pub(super) struct TrustView {
    pub(super) require: &'static str,
    pub(super) keys: Vec<String>,
    pub(super) newest: Option<NewestRevision>,
    /// Why no release is admitted.
    pub(super) problem: Option<String>,
}

/// The newest revision that was admitted.
pub(super) struct NewestRevision {
    pub(super) revision: u64,
    pub(super) digest: String,
    pub(super) short_digest: String,
}

impl From<PluginTrust> for TrustView {
    fn from(PluginTrust { require, keys, mark, problem }: PluginTrust) -> Self {
        let require = match require {
            RequiredSignature::Signature => "a signature by one of the keys",
            RequiredSignature::Statement => "a signed statement about it",
            RequiredSignature::PassedConformance => "a signed statement according to which its proof passed",
        };
        let newest = mark.map(|ReleaseMark { revision, digest }| NewestRevision {
            revision,
            short_digest: short(&digest),
            digest,
        });
        Self { require, keys, newest, problem }
    }
}

async fn ask_restore(user: User, Path(name): Path<String>) -> Screen<ConfirmScreen> {
    Screen(ConfirmScreen {
        frame: Frame::of(&user, NavSection::Plugins, format!("Restore the newest revision of plugin {name}?")),
        consequences: vec![
            "The newest revision among the stored versions is the newest admitted one from then on, and newer releases are \
             admitted again."
                .to_owned(),
            "Find out first who can write the database: its record was changed from outside.".to_owned(),
        ],
        action: format!("{}/restore-revision", plugin_paths::plugin(&name)),
        kept: Vec::new(),
        button: "Restore the newest revision".to_owned(),
        tone: Tone::Main,
        back: plugin_paths::plugin(&name),
    })
}

async fn restore(
    State(api): State<ApiClient>,
    user: User,
    Path(name): Path<String>,
) -> Result<Response, Failed> {
    let path = format!("{}/restore-revision", plugin_paths::plugin_in_api(&name));
    let _restored: PluginTrust = api.call(&user.caller, Method::POST, &path, None).await?;
    Ok(Done::RevisionRestored.at(&plugin_paths::plugin(&name)))
}
