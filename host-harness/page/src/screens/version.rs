//! A version of a plugin: what it may do, what shows that it works, and approving and serving it.

use askama::Template;
use axum::{
    Form, Router,
    extract::{Path, Query, State},
    response::Response,
    routing::get,
};
use host_api::{
    page::ApiClient,
    types::{
        plugins::Permissions,
        problem::Problem,
        version_difference::VersionDifference,
        versions::{PluginVersion, PluginVersionStep, StepEvidence, StepProof, VersionState},
    },
};
use http::Method;

use super::{
    agreed::Agreed,
    permissions::PermissionList,
    plugin::{VersionRow, tag},
    plugin_paths,
    shown_request::StateTag,
};
use crate::{
    answers::{Failed, Screen},
    confirm::{ConfirmScreen, Tone},
    done::Done,
    frame::{Frame, NavSection},
    state::Page,
    text::{Time, count, duration, short},
    user::User,
};

pub(super) fn routes() -> Router<Page> {
    Router::new()
        .route("/plugins/{name}/versions/{digest}", get(show))
        .route("/plugins/{name}/versions/{digest}/approve", get(ask_approval).post(approve))
        .route("/plugins/{name}/versions/{digest}/serve", get(ask_serving).post(serve))
}

/// A step of a version as the screens show it.
pub(super) struct StepRow {
    pub(super) state: StateTag,
    pub(super) at: Time,
    pub(super) took: String,
    pub(super) by: String,
    /// What shows it, a line each.
    pub(super) evidence: Vec<String>,
}

impl From<PluginVersionStep> for StepRow {
    fn from(PluginVersionStep { state, at, took_ms, by, evidence, .. }: PluginVersionStep) -> Self {
        let state = match state {
            VersionState::Proven => StateTag { word: "Proven", tone: "good" },
            state => tag(state),
        };
        Self { state, at: Time::at(at), took: duration(took_ms), by, evidence: lines(evidence) }
    }
}

fn lines(evidence: StepEvidence) -> Vec<String> {
    let StepEvidence {
        bytes,
        signature,
        requests,
        before,
        replaced_by,
        release,
        changed,
        why,
        proof,
        settings,
        shadow,
        tests,
        differences,
    } = evidence;
    let mut lines = Vec::new();
    lines.extend(bytes.map(|bytes| format!("{} kB", bytes.div_ceil(1_000))));
    lines.extend(signature.map(|signature| match signature.revision {
        Some(revision) => format!("signed by {} as revision {revision}", short(&signature.key)),
        None => format!("signed by {} without a statement", short(&signature.key)),
    }));
    lines.extend(why);
    lines.extend(proof.map(|proof| proven(&proof)));
    if let Some(settings) = settings {
        let suited = count(settings.suited.len(), "connection has", "connections have");
        lines.push(format!("{suited} settings that suit it"));
        lines.extend(settings.unsuited.into_iter().map(|of| format!("does not suit it: {of}")));
    }
    if let Some(shadow) = shadow {
        let compared: u32 = shadow.compared.values().sum();
        lines.push(match shadow.against {
            Some(against) => format!("compared with {} on {compared} stored calls", short(&against)),
            None => "not compared: no other version serves".to_owned(),
        });
        lines.extend(shadow.differences.into_iter().map(|difference| difference.text));
        lines.extend(shadow.not_compared.into_iter().map(|missing| missing.text));
    }
    lines.extend(tests.into_iter().map(|test| format!("connection {}: {}", test.connection, test.status)));
    lines.extend(requests.into_iter().map(|request| format!("approved: {request}")));
    lines.extend(differences.into_iter().map(|difference| format!("approved: {difference}")));
    lines.extend(changed.into_iter().map(|change| format!("changed: {change}")));
    lines.extend(release.map(|release| format!("release in steps: {release}")));
    lines.extend(before.map(|before| format!("in place of {}", short(&before))));
    lines.extend(replaced_by.map(|by| format!("replaced by {}", short(&by))));
    lines
}

fn proven(proof: &StepProof) -> String {
    let calls: u32 = proof.parts.iter().map(|part| part.calls).sum();
    let parts = count(proof.parts.len(), "part", "parts");
    let failed = proof.parts.iter().filter(|part| part.result == "failed");
    let failed: Vec<_> = failed.map(|part| format!("{}: {}", part.name, part.findings.join("; "))).collect();
    let failed = if failed.is_empty() { String::new() } else { format!(": {}", failed.join(", ")) };
    format!("its proof {}: {parts}, {calls} calls in its own sandbox{failed}", proof.result)
}

#[derive(Template)]
#[template(path = "version.html")]
struct VersionScreen {
    frame: Frame,
    plugin: String,
    plugin_address: String,
    address: String,
    version: VersionRow,
    /// What it may do; `None` if it is not stored or does not load.
    permissions: Option<PermissionList>,
    /// Why that cannot be shown.
    why_unknown: Option<String>,
    steps: Vec<StepRow>,
    /// Who may approve it; `None` if it does not wait for an approval.
    approver: Option<Approver>,
    may_serve: bool,
    may_release: bool,
    may_pin: bool,
}

/// Who may approve a version that waits for an approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Approver {
    User,
    /// Only another person, with another API key.
    Another,
}

impl Approver {
    /// Returns who may approve `version`; `None` if it does not wait for an approval.
    pub(super) fn of(version: &PluginVersion, user: &User) -> Option<Self> {
        let is_waiting = version.state == VersionState::Proven && version.is_stored && version.is_authentic;
        let is_own = version.uploaded_by.as_ref().is_none_or(|uploader| *uploader == user.caller.key.id);
        let approver = if version.needs_second_person && is_own { Self::Another } else { Self::User };
        is_waiting.then_some(approver)
    }
}

async fn version(api: &ApiClient, user: &User, name: &str, digest: &str) -> Result<PluginVersion, Failed> {
    Ok(api.call(&user.caller, Method::GET, &plugin_paths::version_in_api(name, digest), None).await?)
}

async fn show(
    State(api): State<ApiClient>,
    user: User,
    Path((name, digest)): Path<(String, String)>,
) -> Result<Screen<VersionScreen>, Failed> {
    let version = version(&api, &user, &name, &digest).await?;
    let path = format!("{}/permissions", plugin_paths::version_in_api(&name, &digest));
    let permissions = api.call::<Permissions>(&user.caller, Method::GET, &path, None).await;
    let (permissions, why_unknown) = match permissions {
        Ok(permissions) => (Some(PermissionList::from(&permissions)), None),
        Err(problem) => (None, Some(problem.detail)),
    };
    let may_run = version.is_stored && version.is_authentic;
    let is_usable = version.served_at.is_some() || version.state == VersionState::Approved;
    let frame = Frame::of(&user, NavSection::Plugins, format!("Version {} of {name}", short(&digest)));
    Ok(Screen(VersionScreen {
        plugin_address: plugin_paths::plugin(&name),
        address: plugin_paths::version(&name, &digest),
        approver: Approver::of(&version, &user),
        may_serve: may_run && is_usable && version.state != VersionState::Serving,
        may_release: may_run && version.served_at.is_none() && version.state == VersionState::Approved,
        may_pin: may_run && is_usable,
        version: VersionRow::from(&version),
        steps: version.steps.into_iter().rev().map(Into::into).collect(),
        permissions,
        why_unknown,
        plugin: name,
        frame,
    }))
}

/// Returns what the version requests beyond the one that runs, a sentence each; a problem with the status 404 if none runs.
async fn requests(api: &ApiClient, user: &User, name: &str, digest: &str) -> Result<Vec<String>, Problem> {
    let path = format!("{}/difference", plugin_paths::version_in_api(name, digest));
    let difference: VersionDifference = api.call(&user.caller, Method::GET, &path, None).await?;
    Ok(difference.requests)
}

/// Asks before a version is approved, with exactly what that permits.
async fn ask_approval(
    State(api): State<ApiClient>,
    user: User,
    Path((name, digest)): Path<(String, String)>,
) -> Result<Screen<ConfirmScreen>, Failed> {
    let asked = version(&api, &user, &name, &digest).await?;
    let mut shadows = asked.steps.into_iter().filter_map(|step| step.evidence.shadow);
    let differences = shadows.next_back().map(|shadow| shadow.differences).unwrap_or_default();
    let mut consequences = match requests(&api, &user, &name, &digest).await {
        Ok(requests) if requests.is_empty() => {
            vec!["It requests nothing beyond the version that runs.".to_owned()]
        }
        Ok(requests) => {
            let counted = count(requests.len(), "permission", "permissions");
            let intro = format!("You approve {counted} that the running version does not have:");
            [intro].into_iter().chain(requests).collect()
        }
        Err(problem) if problem.status != 404 => return Err(problem.into()),
        Err(_) => vec![
            "No version of this plugin runs yet, so you approve everything that its permission list names."
                .to_owned(),
        ],
    };
    consequences
        .extend(differences.into_iter().map(|difference| format!("You also approve: {}", difference.text)));
    consequences.push("It does not serve yet: that is the next step.".to_owned());
    Ok(Screen(ConfirmScreen {
        frame: Frame::of(
            &user,
            NavSection::Plugins,
            format!("Approve version {} of {name}?", short(&digest)),
        ),
        consequences,
        action: format!("{}/approve", plugin_paths::version(&name, &digest)),
        kept: Vec::new(),
        button: "Approve the version".to_owned(),
        tone: Tone::Main,
        back: plugin_paths::version(&name, &digest),
    }))
}

async fn approve(
    State(api): State<ApiClient>,
    user: User,
    Path((name, digest)): Path<(String, String)>,
) -> Result<Response, Failed> {
    let path = format!("{}/approve", plugin_paths::version_in_api(&name, &digest));
    let _approved: PluginVersion = api.call(&user.caller, Method::POST, &path, None).await?;
    Ok(Done::VersionApproved.at(&plugin_paths::version(&name, &digest)))
}

async fn ask_serving(
    user: User,
    Path((name, digest)): Path<(String, String)>,
    Query(agreed): Query<Agreed>,
) -> Screen<ConfirmScreen> {
    let version = short(&digest);
    let mut consequences = vec![
        format!("From their next call on, version {version} serves all connections of plugin {name} without a pin."),
        "Calls in progress end on the version that they began with. The version that serves now can be put back at any time."
            .to_owned(),
    ];
    consequences.extend(agreed.consequence());
    Screen(ConfirmScreen {
        frame: Frame::of(&user, NavSection::Plugins, format!("Serve version {version} of {name}?")),
        consequences,
        action: format!("{}/serve", plugin_paths::version(&name, &digest)),
        kept: agreed.kept(),
        button: "Serve the version".to_owned(),
        tone: Tone::Main,
        back: plugin_paths::version(&name, &digest),
    })
}

async fn serve(
    State(api): State<ApiClient>,
    user: User,
    Path((name, digest)): Path<(String, String)>,
    Form(Agreed { agree }): Form<Agreed>,
) -> Result<Response, Failed> {
    let path = format!("{}/serve?agree={agree}", plugin_paths::version_in_api(&name, &digest));
    let begun = api.begin(&user.caller, &path, None).await?;
    Ok(plugin_paths::to_begun(&begun))
}
