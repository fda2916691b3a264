//! The feed of consent events.
//! Tested in `src/tests/tenants.rs`.

use axum::extract::State;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body::Query,
    caller::ConsentRead,
    problem::Problem,
    state::Api,
    types::events::{ConsentEvents, EventQuery},
};
use host_service::consent::feed::Feed;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list_consent_events))
}

/// Lists the choices that people made at vendors, oldest first: item choices, and the notice preferences derived from
/// them. Contains personal data. Continue after the `cursor` of the answer; no event is skipped.
#[utoipa::path(get, path = "/api/v1/consent-events", security(("key" = ["consent:read"])), tag = "consent", params(EventQuery),
    responses((status = 200, body = ConsentEvents)))]
async fn list_consent_events(
    State(feed): State<Feed>,
    ConsentRead(caller): ConsentRead,
    Query(EventQuery { after, limit }): Query<EventQuery>,
) -> Result<axum::Json<ConsentEvents>, Problem> {
    let page = feed.events_after(caller.reach(), after, limit.0.into()).await?;
    Ok(axum::Json(page.into()))
}
