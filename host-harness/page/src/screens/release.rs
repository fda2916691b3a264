//! The release of a version in steps: begun from the screen of the version, shown and moved on the screen of the plugin.

use axum::{
    Form, Router,
    extract::{Path, Query, State},
    response::Response,
    routing::get,
};
use host_api::{
    page::ApiClient,
    types::releases::{ComparedCalls, CountedCalls, PluginRelease, ReleaseStateName, ReleaseVerdictName},
};
use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::{plugin_paths, shown_request::StateTag};
use crate::{
    answers::{Failed, Screen},
    confirm::{ConfirmScreen, Tone},
    done::Done,
    frame::{Frame, NavSection},
    state::Page,
    text::{Time, short},
    user::User,
};

pub(super) fn routes() -> Router<Page> {
    Router::new()
        .route("/plugins/{name}/release/{act}", get(ask_move).post(move_release))
        .route("/plugins/{name}/versions/{digest}/release", get(ask_release).post(release))
}

/// A release as the screen of its plugin shows it.
pub(super) struct ReleaseView {
    pub(super) digest: String,
    pub(super) short_digest: String,
    pub(super) state: StateTag,
    pub(super) share: f64,
    pub(super) steps: String,
    pub(super) why: Option<String>,
    pub(super) began: Time,
    pub(super) by: String,
    pub(super) verdict: StateTag,
    pub(super) reasons: Vec<String>,
    pub(super) calls: Vec<CallsRow>,
    /// What can be done with it now.
    pub(super) acts: &'static [ReleaseAct],
}

/// The calls of one kind on one of both versions.
pub(super) struct CallsRow {
    pub(super) kind: String,
    pub(super) version: &'static str,
    pub(super) counts: CountedCalls,
    pub(super) p95: String,
}

impl From<PluginRelease> for ReleaseView {
    fn from(release: PluginRelease) -> Self {
        let (word, tone) = match release.state {
            ReleaseStateName::Running => ("Under way", "open"),
            ReleaseStateName::Paused => ("Paused", "bad"),
            ReleaseStateName::Completed => ("Completed", "good"),
            ReleaseStateName::RolledBack => ("Rolled back", "bad"),
        };
        let (verdict, verdict_tone) = match release.verdict {
            ReleaseVerdictName::Good => ("Good", "good"),
            ReleaseVerdictName::Bad => ("Bad", "bad"),
            ReleaseVerdictName::Inconclusive => ("Inconclusive", "quiet"),
        };
        let steps: Vec<_> = release.steps.iter().map(|step| format!("{step} %")).collect();
        Self {
            short_digest: short(&release.digest),
            digest: release.digest,
            state: StateTag { word, tone },
            share: release.share,
            steps: steps.join(", "),
            why: release.why,
            began: Time::at(release.began_at),
            by: release.began_by,
            verdict: StateTag { word: verdict, tone: verdict_tone },
            reasons: release.reasons,
            calls: release.calls.into_iter().flat_map(rows).collect(),
            acts: match release.state {
                ReleaseStateName::Running => &[ReleaseAct::Pause, ReleaseAct::Advance, ReleaseAct::RollBack],
                ReleaseStateName::Paused => &[ReleaseAct::Resume, ReleaseAct::Advance, ReleaseAct::RollBack],
                ReleaseStateName::Completed | ReleaseStateName::RolledBack => &[],
            },
        }
    }
}

fn rows(ComparedCalls { kind, new, before }: ComparedCalls) -> [CallsRow; 2] {
    [("new", new), ("before", before)].map(|(version, counts)| CallsRow {
        kind: kind.clone(),
        version,
        p95: counts.p95_ms.map_or_else(String::new, |ms| format!("{ms} ms")),
        counts,
    })
}

/// What an operator does with a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ReleaseAct {
    Pause,
    Resume,
    Advance,
    RollBack,
}

impl ReleaseAct {
    /// Returns the last part of its address, here and in the API.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Advance => "advance",
            Self::RollBack => "roll-back",
        }
    }

    /// Returns what a button says.
    pub(super) fn button(self) -> &'static str {
        match self {
            Self::Pause => "Pause the release",
            Self::Resume => "Resume the release",
            Self::Advance => "End the step of the release",
            Self::RollBack => "Roll back the release",
        }
    }

    fn consequence(self) -> &'static str {
        match self {
            Self::Pause => "The share of the people stays as it is, so that no person is moved back.",
            Self::Resume => "Its step goes on and is timed anew. The calls so far still count.",
            Self::Advance => {
                "The next step begins whatever the verdict is. After the last one, the version serves in place of the one \
                 before."
            }
            Self::RollBack => {
                "The version before serves all connections again, from their next call on. Calls in progress end on the version \
                 that they began with."
            }
        }
    }

    fn tone(self) -> Tone {
        match self {
            Self::RollBack => Tone::Danger,
            Self::Pause | Self::Resume | Self::Advance => Tone::Main,
        }
    }
}

/// Returns the release of a plugin; `None` if there was none, or the key may not see it.
pub(super) async fn of_plugin(
    api: &ApiClient,
    user: &User,
    name: &str,
) -> Result<Option<ReleaseView>, Failed> {
    let path = format!("{}/release", plugin_paths::plugin_in_api(name));
    match api.call::<PluginRelease>(&user.caller, Method::GET, &path, None).await {
        Ok(release) => Ok(Some(release.into())),
        Err(problem) if [403, 404].contains(&problem.status) => Ok(None),
        Err(problem) => Err(problem.into()),
    }
}

/// The share that the release has on the screen from which it is moved.
#[derive(Clone, Copy, Debug, Deserialize)]
struct ShownShare {
    share: Option<f64>,
}

async fn ask_move(
    user: User,
    Path((name, act)): Path<(String, ReleaseAct)>,
    Query(ShownShare { share }): Query<ShownShare>,
) -> Screen<ConfirmScreen> {
    Screen(ConfirmScreen {
        frame: Frame::of(&user, NavSection::Plugins, format!("{} of plugin {name}?", act.button())),
        consequences: vec![act.consequence().to_owned()],
        action: format!("{}/release/{}", plugin_paths::plugin(&name), act.path()),
        kept: share.map(|share| ("share".to_owned(), share.to_string())).into_iter().collect(),
        button: act.button().to_owned(),
        tone: act.tone(),
        back: plugin_paths::plugin(&name),
    })
}

async fn move_release(
    State(api): State<ApiClient>,
    user: User,
    Path((name, act)): Path<(String, ReleaseAct)>,
    Form(ShownShare { share }): Form<ShownShare>,
) -> Result<Response, Failed> {
    let path = format!("{}/release/{}", plugin_paths::plugin_in_api(&name), act.path());
    let body = (act == ReleaseAct::Advance).then(|| json!({"share": share}));
    let _moved: PluginRelease = api.call(&user.caller, Method::POST, &path, body).await?;
    Ok(Done::ReleaseMoved.at(&plugin_paths::plugin(&name)))
}

async fn ask_release(user: User, Path((name, digest)): Path<(String, String)>) -> Screen<ConfirmScreen> {
    let version = short(&digest);
    Screen(ConfirmScreen {
        frame: Frame::of(&user, NavSection::Plugins, format!("Release version {version} of {name} in steps?")),
        consequences: vec![
            "It carries out the requests of a small share of the people first, and of a greater one with each step, up to all of \
             them: 5 %, 25 % and 100 % unless the configuration says otherwise. No person is moved back on the way."
                .to_owned(),
            "If its calls do worse than those of the version that runs, it is rolled back at once. If there are too few calls \
             for a verdict, the release is paused."
                .to_owned(),
            "The command line and the API can begin it with other steps and rules.".to_owned(),
        ],
        action: format!("{}/release", plugin_paths::version(&name, &digest)),
        kept: Vec::new(),
        button: "Release in steps".to_owned(),
        tone: Tone::Main,
        back: plugin_paths::version(&name, &digest),
    })
}

async fn release(
    State(api): State<ApiClient>,
    user: User,
    Path((name, digest)): Path<(String, String)>,
) -> Result<Response, Failed> {
    let path = format!("{}/release", plugin_paths::plugin_in_api(&name));
    let body = json!({"digest": digest});
    let _begun: PluginRelease = api.call(&user.caller, Method::POST, &path, Some(body)).await?;
    Ok(Done::ReleaseBegun.at(&plugin_paths::plugin(&name)))
}
