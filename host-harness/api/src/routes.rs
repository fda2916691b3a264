//! Everything that is served: the resources of the API, and the address that vendors deliver to.

use axum::{Extension, Router, extract::DefaultBodyLimit, middleware};
use utoipa_axum::router::OpenApiRouter;

use crate::{
    access, alarms,
    body::MAX_BODY,
    connections, consent, deliveries,
    document::{self, Document},
    events, health, mapping, metrics, notices, people, person, plugins, problem, requests,
    state::Api,
    tokens, webhook,
};

/// Everything: the operator's API and, unless they have a listener of their own, the webhooks.
pub(crate) fn router(api: Api) -> Router {
    let (resources, declared) = resources().split_for_parts();
    let resources = resources.layer(Extension(Document::of(declared)));
    served(resources).merge(webhook::routes()).with_state(api)
}

/// Webhooks alone, for the network that vendors reach.
pub(crate) fn webhooks(api: Api) -> Router {
    served(Router::new()).merge(webhook::routes()).with_state(api)
}

/// The routes of the API, which declare its document.
pub(crate) fn resources() -> OpenApiRouter<Api> {
    document::router()
        .merge(health::routes())
        .merge(connections::routes())
        .merge(alarms::routes())
        .merge(plugins::routes())
        .merge(requests::routes())
        .merge(metrics::routes())
        .merge(tokens::routes())
        .merge(consent::routes())
        .merge(mapping::routes())
        .merge(events::routes())
        .merge(notices::routes())
        .merge(deliveries::routes())
        .merge(person::routes())
        .merge(people::routes())
}

/// `routes` with what holds for all of them. Deliveries have their own limits and their own line in the log.
fn served(routes: Router<Api>) -> Router<Api> {
    routes
        .method_not_allowed_fallback(problem::method_not_allowed)
        .fallback(problem::no_such_route)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn(access::log))
}
