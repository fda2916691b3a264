//! Metrics, for Prometheus.

use axum::{Router, extract::State, http::header, response::IntoResponse, routing::get};
use utoipa::OpenApi;

use super::{
    caller::Caller,
    problem::{Problem, kinds},
};
use crate::state::Api;
use host_service::telemetry::Telemetry;
use host_store::Store;
use host_store::gauges;

#[derive(OpenApi)]
#[openapi(paths(metrics))]
pub(super) struct Part;

pub(super) fn routes() -> Router<Api> {
    Router::new().route("/metrics", get(metrics))
}

/// Metrics in the text format of Prometheus, about all tenants: an API key that reaches them all is wanted.
#[utoipa::path(get, path = "/metrics", tag = "service", responses((status = 200, body = String, content_type = "text/plain")))]
async fn metrics(
    State(telemetry): State<Telemetry>,
    State(store): State<Store>,
    caller: Caller,
) -> Result<impl IntoResponse, Problem> {
    if !caller.reaches_everybody() {
        let detail = "metrics are about every tenant: use an API key that was made without --tenant";
        return Err(Problem::of(kinds::NOT_ALL_TENANTS, detail));
    }
    let gauges = store.read(|connection| Box::pin(gauges::gauges(connection))).await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], telemetry.rendered(&gauges)))
}
