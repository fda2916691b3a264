//! Everything that is served: the resources of the API, and the address that vendors deliver to.

use crate::state::Api;
use axum::{Router, extract::DefaultBodyLimit, middleware};

use crate::{
    access, alarms, body::LARGEST_BODY, connections, consent, deliveries, document, health, metrics, notices,
    people, person, plugins, problem, requests, tokens, webhook,
};

/// Everything: the operator's API and, for whoever has no listener of its own for them, the webhooks.
pub(crate) fn router(api: Api) -> Router {
    served(resources()).merge(webhook::routes()).with_state(api)
}

/// Webhooks alone, for the network that vendors reach.
pub(crate) fn webhooks(api: Api) -> Router {
    served(Router::new()).merge(webhook::routes()).with_state(api)
}

fn resources() -> Router<Api> {
    Router::new()
        .merge(health::routes())
        .merge(document::routes())
        .merge(connections::routes())
        .merge(alarms::routes())
        .merge(plugins::routes())
        .merge(requests::routes())
        .merge(metrics::routes())
        .merge(tokens::routes())
        .merge(consent::routes())
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
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(middleware::from_fn(access::log))
}
