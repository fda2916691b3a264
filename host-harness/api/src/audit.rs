//! The audit chains: their state, their lines, and an export.
//! Tested in `src/tests/audit.rs`.

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures::stream;
use host_service::audit_trail::AuditTrail;
use host_store::{
    StoreError,
    audit_lines::{LineFilter, LinePlace},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body::Query,
    caller::AdminRead,
    problem::{Problem, kinds},
    state::Api,
    types::audit::{AuditLine, AuditPage, AuditQuery, AuditState},
};

/// The number of lines that an export reads at a time.
const LINES_PER_READ: i64 = 1_000;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_audit_lines))
        .routes(routes!(export_audit_lines))
        .routes(routes!(show_audit_state))
        .routes(routes!(verify_audit_chains))
}

/// Lists the lines of the audit chains that the API key can access, newest first. A key with connections sees the lines about
/// these; only a key without tenants sees the chain for what concerns all tenants.
#[utoipa::path(get, path = "/api/v1/audit", security(("key" = ["admin:read"])), tag = "audit", params(AuditQuery),
    responses((status = 200, body = AuditPage)))]
async fn list_audit_lines(
    State(audit): State<AuditTrail>,
    AdminRead(caller): AdminRead,
    Query(query): Query<AuditQuery>,
) -> Result<axum::Json<AuditPage>, Problem> {
    let before = query.before.as_deref().map(str::parse::<LinePlace>).transpose();
    let before = before.map_err(|wrong| Problem::of(kinds::BAD_QUERY, format!("before: {wrong}")))?;
    let lines = audit.newest(query.filter(caller.reach()), before, query.limit.0.into()).await?;
    Ok(axum::Json(AuditPage { lines: lines.into_iter().map(Into::into).collect() }))
}

/// Returns the same lines as JSON lines, chain by chain, each chain from its first line. A line has the members of a listed one.
#[utoipa::path(get, path = "/api/v1/audit/export", security(("key" = ["admin:read"])), tag = "audit", params(AuditQuery),
    responses((status = 200, content_type = "application/jsonl", body = AuditLine)))]
async fn export_audit_lines(
    State(audit): State<AuditTrail>,
    AdminRead(caller): AdminRead,
    Query(query): Query<AuditQuery>,
) -> Response {
    let export = Export { audit, filter: query.filter(caller.reach()), after: None };
    let lines = stream::try_unfold(export, Export::next);
    let kind = HeaderValue::from_static("application/jsonl");
    ([(header::CONTENT_TYPE, kind)], Body::from_stream(lines)).into_response()
}

/// An export under way.
struct Export {
    audit: AuditTrail,
    filter: LineFilter,
    after: Option<LinePlace>,
}

impl Export {
    /// Returns the next lines; `None` after the last one.
    async fn next(self) -> Result<Option<(Bytes, Self)>, StoreError> {
        let lines = self.audit.in_order(&self.filter, self.after.as_ref(), LINES_PER_READ).await?;
        let Some(last) = lines.last() else { return Ok(None) };
        let after = Some(LinePlace { tenant: last.tenant.clone(), line: last.line });
        let text: String = lines.into_iter().map(|line| AuditLine::from(line).exported()).collect();
        Ok(Some((Bytes::from(text), Self { after, ..self })))
    }
}

/// Returns the result of the last verification since the start of the service.
#[utoipa::path(get, path = "/api/v1/audit/state", security(("key" = ["admin:read"])), tag = "audit",
    responses((status = 200, body = AuditState)))]
async fn show_audit_state(
    State(audit): State<AuditTrail>,
    AdminRead(caller): AdminRead,
) -> axum::Json<AuditState> {
    let last = audit.last_verification(caller.reach()).await;
    axum::Json(last.map(AuditState::from).unwrap_or_default())
}

/// Verifies every chain from its first line, and the authentication codes of API keys, published plugins, connections and webhook
/// tokens in use. Returns the result for those that the API key can access.
#[utoipa::path(post, path = "/api/v1/audit/verify", security(("key" = ["admin:read"])), tag = "audit",
    responses((status = 200, body = AuditState)))]
async fn verify_audit_chains(
    State(audit): State<AuditTrail>,
    AdminRead(caller): AdminRead,
) -> Result<axum::Json<AuditState>, Problem> {
    Ok(axum::Json(audit.verify(caller.reach()).await?.into()))
}
