//! Metrics, for Prometheus.
//! Tested in `src/tests/metrics.rs`.

use axum::{extract::State, http::header, response::IntoResponse};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    caller::{AdminRead, AllTenants},
    problem::Problem,
    refusals::Forbidden,
    state::Api,
};
use std::sync::Arc;

use host_harness::clock::Clock;
use host_service::telemetry::Telemetry;
use host_store::Store;
use host_store::gauges;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(metrics))
}

/// Returns the metrics of all tenants in the text format of Prometheus. Requires an API key for all tenants.
#[utoipa::path(get, path = "/metrics", security(("key" = ["admin:read"])), tag = "service", responses((status = 200, body = String, content_type = "text/plain"), Forbidden))]
async fn metrics(
    State(telemetry): State<Telemetry>,
    State(store): State<Store>,
    State(clock): State<Arc<dyn Clock>>,
    _caller: AllTenants<AdminRead>,
) -> Result<impl IntoResponse, Problem> {
    let gauges = store.read_soon(|connection| Box::pin(gauges::gauges(connection))).await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], telemetry.rendered(&gauges, clock.date_ms())))
}
