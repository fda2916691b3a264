//! Releases of versions in steps.
//! Tested in `src/tests/releases.rs`.

use axum::extract::State;
use host_model::release::state::ReleaseEvent;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body::{Json, Path},
    caller::{AllTenants, PluginsRead, PluginsWrite},
    problem::{Problem, kinds},
    refusals::{Conflict, Forbidden, NotFound, Unprocessable},
    state::Api,
    types::releases::{AdvancingRelease, BadSteps, BeginningRelease, PluginRelease},
};
use host_service::{
    connections::{
        Connections,
        releases::{NewRelease, ReleaseError},
    },
    settings::releases::ReleaseConfig,
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(show_release, begin_release))
        .routes(routes!(pause_release))
        .routes(routes!(resume_release))
        .routes(routes!(advance_release))
        .routes(routes!(roll_back_release))
}

/// Shows the release of a plugin that is in progress, or the last one, with what was counted of both versions.
#[utoipa::path(get, path = "/api/v1/plugins/{name}/release", security(("key" = ["plugins:read"])), tag = "plugins",
    params(("name" = String, Path)), responses((status = 200, body = PluginRelease), Forbidden, NotFound))]
async fn show_release(
    State(connections): State<Connections>,
    AllTenants(PluginsRead(_caller)): AllTenants<PluginsRead>,
    Path(name): Path<String>,
) -> Result<axum::Json<PluginRelease>, Problem> {
    report(&connections, name).await
}

/// Releases an approved version in steps: it takes over a growing share of the people while its calls are compared with
/// those of the version before. If it does worse, it is rolled back at once. If there are too few calls for a verdict, the release
/// is paused.
#[utoipa::path(post, path = "/api/v1/plugins/{name}/release", security(("key" = ["plugins:write"])), tag = "plugins",
    params(("name" = String, Path)),
    responses((status = 200, body = PluginRelease), Forbidden, NotFound, Conflict, Unprocessable))]
async fn begin_release(
    State(connections): State<Connections>,
    AllTenants(PluginsWrite(caller)): AllTenants<PluginsWrite>,
    Path(name): Path<String>,
    Json(beginning): Json<BeginningRelease>,
) -> Result<axum::Json<PluginRelease>, Problem> {
    let digest = beginning.digest.parse().map_err(|_| {
        let found = &beginning.digest;
        let detail = format!("digest: expected sha256: and 64 hexadecimal digits, found `{found}`");
        Problem::of(kinds::BAD_BODY, detail)
    })?;
    let ReleaseConfig { steps, times, rules } = beginning.over(connections.usual_release())?;
    let new = NewRelease { plugin: name.clone(), digest, steps, rules, times };
    connections.begin_release(&caller.who(), new).await?;
    report(&connections, name).await
}

/// Pauses a release: its share stays as it is, so that no person moves back.
#[utoipa::path(post, path = "/api/v1/plugins/{name}/release/pause", security(("key" = ["plugins:write"])), tag = "plugins",
    params(("name" = String, Path)),
    responses((status = 200, body = PluginRelease), Forbidden, NotFound, Conflict))]
async fn pause_release(
    State(connections): State<Connections>,
    AllTenants(PluginsWrite(caller)): AllTenants<PluginsWrite>,
    Path(name): Path<String>,
) -> Result<axum::Json<PluginRelease>, Problem> {
    let event = ReleaseEvent::Paused { by: caller.who().0 };
    connections.move_release(&caller.who(), &name, event).await?;
    report(&connections, name).await
}

/// Resumes a paused release in its step, which is timed anew. The calls so far still count.
#[utoipa::path(post, path = "/api/v1/plugins/{name}/release/resume", security(("key" = ["plugins:write"])), tag = "plugins",
    params(("name" = String, Path)),
    responses((status = 200, body = PluginRelease), Forbidden, NotFound, Conflict))]
async fn resume_release(
    State(connections): State<Connections>,
    AllTenants(PluginsWrite(caller)): AllTenants<PluginsWrite>,
    Path(name): Path<String>,
) -> Result<axum::Json<PluginRelease>, Problem> {
    connections.move_release(&caller.who(), &name, ReleaseEvent::Resumed).await?;
    report(&connections, name).await
}

/// Ends the step of a release with this share, whatever the verdict is. After the last one, the version serves in place of the one
/// before. If the release is in another step by now, it stays there.
#[utoipa::path(post, path = "/api/v1/plugins/{name}/release/advance", security(("key" = ["plugins:write"])), tag = "plugins",
    params(("name" = String, Path)),
    responses((status = 200, body = PluginRelease), Forbidden, NotFound, Conflict, Unprocessable))]
async fn advance_release(
    State(connections): State<Connections>,
    AllTenants(PluginsWrite(caller)): AllTenants<PluginsWrite>,
    Path(name): Path<String>,
    Json(advancing): Json<AdvancingRelease>,
) -> Result<axum::Json<PluginRelease>, Problem> {
    let event = ReleaseEvent::Advanced { share: advancing.parsed_share()? };
    connections.move_release(&caller.who(), &name, event).await?;
    report(&connections, name).await
}

/// Rolls a release back: the version before serves all connections again.
#[utoipa::path(post, path = "/api/v1/plugins/{name}/release/roll-back", security(("key" = ["plugins:write"])), tag = "plugins",
    params(("name" = String, Path)),
    responses((status = 200, body = PluginRelease), Forbidden, NotFound, Conflict))]
async fn roll_back_release(
    State(connections): State<Connections>,
    AllTenants(PluginsWrite(caller)): AllTenants<PluginsWrite>,
    Path(name): Path<String>,
) -> Result<axum::Json<PluginRelease>, Problem> {
    let event = ReleaseEvent::RolledBack { by: caller.who().0 };
    connections.move_release(&caller.who(), &name, event).await?;
    report(&connections, name).await
}

async fn report(connections: &Connections, name: String) -> Result<axum::Json<PluginRelease>, Problem> {
    match connections.release_report(&name).await? {
        Some(report) => Ok(axum::Json(report.into())),
        None => Err(ReleaseError::Unknown(name).into()),
    }
}

impl From<BadSteps> for Problem {
    fn from(error: BadSteps) -> Self {
        Self::of(kinds::BAD_BODY, error.to_string())
    }
}

impl From<ReleaseError> for Problem {
    fn from(error: ReleaseError) -> Self {
        let detail = error.to_string();
        match error {
            ReleaseError::Version(error) => error.into(),
            ReleaseError::Unknown(_) => Self::of(kinds::UNKNOWN, detail),
            ReleaseError::Rules(_) | ReleaseError::Times(_) => Self::of(kinds::BAD_BODY, detail),
            ReleaseError::NotReleasable { .. }
            | ReleaseError::RekeysPeople(_)
            | ReleaseError::Refused(_)
            | ReleaseError::Overtaken(_)
            | ReleaseError::Foreign(_) => Self::of(kinds::NOT_RELEASED, detail),
            ReleaseError::Store(error) => error.into(),
        }
    }
}
