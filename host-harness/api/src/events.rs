//! The feed of consent events.

use axum::extract::State;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body::Query,
    caller::Caller,
    problem::Problem,
    state::Api,
    types::events::{ConsentEvents, EventQuery},
};
use host_service::consent::feed::Feed;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list_consent_events))
}

/// Lists what people chose at vendors, oldest first: item choices, and the notice preferences derived from them. Personal data is
/// in it. Ask again after the `cursor` of the answer; nothing is passed over.
#[utoipa::path(get, path = "/api/v1/consent-events", tag = "consent", params(EventQuery),
    responses((status = 200, body = ConsentEvents)))]
async fn list_consent_events(
    State(feed): State<Feed>,
    caller: Caller,
    Query(EventQuery { after, limit }): Query<EventQuery>,
) -> Result<axum::Json<ConsentEvents>, Problem> {
    let tenants = caller.tenants();
    let page = feed.events_after(tenants.as_deref(), after, limit.0.into()).await?;
    Ok(axum::Json(page.into()))
}
