//! Everything that is served: the resources of the API, and the address that vendors deliver to.

use std::sync::Arc;

use axum::{Extension, Router, extract::DefaultBodyLimit, middleware};
use host_service::{service::Shared, webhooks::receive::Webhooks};

use crate::{
    access, alarms, body::LARGEST_BODY, connections, consent, deliveries, document, health, metrics, notices,
    people, person, plugins, problem, requests, tokens, webhook,
};

/// Everything: the operator's API and, for whoever has no listener of its own for them, the webhooks.
pub(crate) fn router(shared: Arc<Shared>, webhooks: Arc<Webhooks>) -> Router {
    let resources = resources().layer(Extension(Arc::clone(&webhooks)));
    served(resources).merge(webhook::routes(webhooks)).with_state(shared)
}

/// Webhooks alone, for the network that vendors reach.
pub(crate) fn webhooks(shared: Arc<Shared>, webhooks: Arc<Webhooks>) -> Router {
    served(Router::new()).merge(webhook::routes(webhooks)).with_state(shared)
}

fn resources() -> Router<Arc<Shared>> {
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
fn served(routes: Router<Arc<Shared>>) -> Router<Arc<Shared>> {
    routes
        .method_not_allowed_fallback(problem::method_not_allowed)
        .fallback(problem::no_such_route)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(middleware::from_fn(access::log))
}
