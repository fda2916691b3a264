//! Operations on plugins. Each of them is stored and goes on without its client, who may wait for its end or look at it
//! later.
//! Tested in `src/tests/plugin_operations.rs`.

use std::{any::Any, future::Future, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use axum::{
    extract::{FromRef, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::FutureExt as _;
use serde::Serialize;
use serde_json::json;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body::{Path, Query},
    caller::{AllTenants, PluginsRead},
    prefer::{PreferHeader, Promptness, applied_wait},
    problem::{Problem, kinds},
    refusals::{Forbidden, NotFound},
    state::Api,
    types::{
        plugin_operations::{OperationQuery, PluginOperation, PluginOperations},
        problem,
    },
};
use host_service::{
    caller_work::{CallerWork, WorkCutOff},
    plugin_operations::{self as service, NewOperation, OperationReport, RunningOperation},
    requests::wait::MAX_WAIT,
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(show_operation)).routes(routes!(list_operations))
}

/// The header of a request that begins an operation.
#[derive(Clone, Debug, IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "it only describes the header that `PreferHeader` reads")]
pub(crate) struct OperationParams {
    /// `respond-async` answers 202 with the operation, which goes on; with `wait=SECONDS` only if it has not ended by
    /// then, at most 55 seconds: RFC 7240. Without it, the answer comes at the end.
    #[param(rename = "Prefer")]
    prefer: Option<String>,
}

/// The header of a request for an operation.
#[derive(Clone, Debug, IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "it only describes the header that `PreferHeader` reads")]
struct WaitParams {
    /// `wait=SECONDS` waits until the operation has ended or reached more steps than `seen`, at most 55 seconds: RFC 7240.
    #[param(rename = "Prefer")]
    prefer: Option<String>,
}

/// Shows an operation on a plugin: the steps that it has reached, and what came of it.
#[utoipa::path(get, path = "/api/v1/plugin-operations/{id}", security(("key" = ["plugins:read"])), tag = "plugins",
    params(("id" = String, Path), OperationQuery, WaitParams),
    responses((status = 200, body = PluginOperation), Forbidden, NotFound))]
async fn show_operation(
    State(operations): State<service::PluginOperations>,
    AllTenants(PluginsRead(_caller)): AllTenants<PluginsRead>,
    Path(id): Path<String>,
    Query(OperationQuery { seen }): Query<OperationQuery>,
    prefer: PreferHeader,
) -> Result<Response, Problem> {
    let found = operations.wait(&id, seen, prefer.wait.unwrap_or(Duration::ZERO)).await?;
    let unknown = || Problem::of(kinds::UNKNOWN, format!("there is no operation `{id}`, or no longer"));
    let mut response = axum::Json(shown(found.ok_or_else(unknown)?)).into_response();
    if let Some(wait) = prefer.wait {
        applied_wait(&mut response, wait);
    }
    Ok(response)
}

/// Lists the latest operations on a plugin.
#[utoipa::path(get, path = "/api/v1/plugins/{name}/operations", security(("key" = ["plugins:read"])), tag = "plugins",
    params(("name" = String, Path)), responses((status = 200, body = PluginOperations), Forbidden))]
async fn list_operations(
    State(operations): State<service::PluginOperations>,
    AllTenants(PluginsRead(_caller)): AllTenants<PluginsRead>,
    Path(name): Path<String>,
) -> Result<axum::Json<PluginOperations>, Problem> {
    let found = operations.of_plugin(&name).await?;
    let operations: Vec<_> = found.into_iter().map(shown).collect();
    Ok(axum::Json(operations.into()))
}

fn shown(report: OperationReport) -> PluginOperation {
    PluginOperation::of(report, Problem::of(kinds::UNAVAILABLE, WorkCutOff.to_string()).document())
}

/// What carries out operations.
#[derive(Clone, FromRef)]
pub(crate) struct OperationRunner {
    operations: service::PluginOperations,
    caller_work: CallerWork,
}

impl FromRef<Api> for OperationRunner {
    fn from_ref(api: &Api) -> Self {
        Self { operations: FromRef::from_ref(api), caller_work: api.caller_work() }
    }
}

/// What a caller asks for, and how it wants to be answered.
pub(crate) struct OperationRequest {
    pub(crate) new: NewOperation,
    pub(crate) prefer: PreferHeader,
    /// The status of the answer at the end.
    pub(crate) status: StatusCode,
}

impl OperationRunner {
    /// Carries out `work` as the operation that `request` begins. Answers at its end, or before if the client prefers
    /// that.
    pub(crate) async fn carry_out<T, W>(
        &self,
        request: OperationRequest,
        work: impl FnOnce(Arc<RunningOperation>) -> W,
    ) -> Result<Response, Problem>
    where
        T: Serialize + Send + 'static,
        W: Future<Output = Result<T, Problem>> + Send + 'static,
    {
        let OperationRequest { new, prefer, status } = request;
        let running = Arc::new(self.operations.begin(new).await?);
        let id = running.id().to_owned();
        // Large, since it contains a publication.
        let work = to_its_end(self.operations.clone(), Arc::clone(&running), work(running)).boxed();
        let answered = move |value: T| (status, axum::Json(value)).into_response();
        if prefer.promptness == Promptness::AtEnd {
            return work.await.map(answered);
        }
        let mut task = self.caller_work.begin(work);
        if let Some(wait) = prefer.wait
            && let Ok(ended) = tokio::time::timeout(wait.min(MAX_WAIT), &mut task).await
        {
            let cut_off = || Problem::of(kinds::UNAVAILABLE, WorkCutOff.to_string());
            return ended.ok().flatten().ok_or_else(cut_off)?.map(answered);
        }
        self.accepted(&id).await
    }

    /// The answer about an operation that goes on.
    async fn accepted(&self, id: &str) -> Result<Response, Problem> {
        let report = self.operations.find(id).await?;
        let report =
            report.ok_or_else(|| Problem::of(kinds::UNKNOWN, format!("there is no operation `{id}`")))?;
        let mut response = (StatusCode::ACCEPTED, axum::Json(shown(report))).into_response();
        let headers = response.headers_mut();
        headers.insert("preference-applied", HeaderValue::from_static("respond-async"));
        if let Ok(location) = HeaderValue::try_from(format!("/api/v1/plugin-operations/{id}")) {
            headers.insert(header::LOCATION, location);
        }
        Ok(response)
    }
}

/// Awaits `work`, and stores what its caller is answered. If it panics, so does this.
async fn to_its_end<T: Serialize>(
    operations: service::PluginOperations,
    running: Arc<RunningOperation>,
    work: impl Future<Output = Result<T, Problem>>,
) -> Result<T, Problem> {
    let ended = AssertUnwindSafe(work).catch_unwind().await;
    let answer = match &ended {
        Ok(Ok(value)) => Ok(json!(value)),
        Ok(Err(problem)) => Err(json!(problem.clone().document())),
        Err(_) => Err(json!(panicked())),
    };
    if let Err(error) = operations.end(&running, answer).await {
        tracing::error!(operation = running.id(), %error, "the end of a plugin operation was not stored");
    }
    ended.unwrap_or_else(|panic: Box<dyn Any + Send>| std::panic::resume_unwind(panic))
}

fn panicked() -> problem::Problem {
    Problem::of(kinds::INTERNAL, "a handler panicked: the service's log has the place").document()
}
