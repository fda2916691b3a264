//! The newest admitted revision of a plugin, restored after its record was changed from outside.
//! Tested in `src/tests/trust.rs`.

use axum::extract::State;
use host_service::connections::Connections;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body::Path,
    caller::{AllTenants, PluginsWrite},
    plugins::trust_of,
    problem::{Problem, kinds},
    refusals::{Conflict, Forbidden, NotFound},
    state::Api,
    types::trust::PluginTrust,
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(restore_revision))
}

/// Restores the newest admitted revision of a plugin from its stored versions, if its record was changed in the database from
/// outside. Until then, no release of the plugin is admitted.
#[utoipa::path(post, path = "/api/v1/plugins/{name}/restore-revision", security(("key" = ["plugins:write"])), tag = "plugins",
    params(("name" = String, Path)),
    responses((status = 200, body = PluginTrust), Forbidden, NotFound, Conflict))]
async fn restore_revision(
    State(connections): State<Connections>,
    AllTenants(PluginsWrite(caller)): AllTenants<PluginsWrite>,
    Path(name): Path<String>,
) -> Result<axum::Json<PluginTrust>, Problem> {
    connections.restore_mark(&caller.who(), &name).await?;
    let trust = trust_of(&connections, &name).await?;
    trust
        .map(axum::Json)
        .ok_or_else(|| Problem::of(kinds::UNKNOWN, format!("plugin {name} needs no signature")))
}
