//! Pulls of plugins from their registries.
//! Tested in `src/tests/registries.rs`.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use host_model::plugin_operation::PluginAction;
use host_service::{
    connections::Connections,
    plugin_operations::{NewOperation, RunningOperation},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body::{Path, Query},
    caller::{AllTenants, PluginsWrite},
    plugin_operations::{OperationParams, OperationRequest, OperationRunner},
    prefer::PreferHeader,
    problem::Problem,
    refusals::{BadGateway, Conflict, Forbidden, Unprocessable},
    state::Api,
    types::{plugin_operations::PluginOperation, plugins::PublishedVersion, registries::Pulling},
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(pull_plugin))
}

/// Pulls a plugin from its registry again, since its tag may have moved, and publishes it. A version that requests more
/// permissions than the running one is refused with a list of them, unless `agree=true` is set, and so is one that makes
/// something else of stored deliveries and requests. With the setting `two-people`, such a version is stored (problem
/// `second-person`), and waits for another API key to approve it. If the registry does not give it (problem `not-pulled`), the running
/// version stays.
#[utoipa::path(post, path = "/api/v1/plugins/{name}/pull", security(("key" = ["plugins:write"])), tag = "plugins",
    params(("name" = String, Path), Pulling, OperationParams),
    responses((status = 200, body = PublishedVersion), (status = 202, body = PluginOperation), Forbidden, Conflict, Unprocessable, BadGateway))]
async fn pull_plugin(
    State(connections): State<Connections>,
    State(runner): State<OperationRunner>,
    AllTenants(PluginsWrite(caller)): AllTenants<PluginsWrite>,
    Path(name): Path<String>,
    Query(Pulling { agree }): Query<Pulling>,
    prefer: PreferHeader,
) -> Result<Response, Problem> {
    let action = PluginAction::Pull;
    let new = NewOperation { who: caller.who(), plugin: name.clone(), action, digest: None };
    let request = OperationRequest { new, prefer, status: StatusCode::OK };
    let key = caller.key().id.clone();
    let pulling = async move |operation: Arc<RunningOperation>| {
        let published = connections.pull(&operation, &key, &name, agree.into()).await?;
        Ok(PublishedVersion::of(name, &published))
    };
    runner.carry_out(request, pulling).await
}
