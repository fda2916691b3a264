//! All routes: the resources of the API, and the webhooks.
//! Tested in `src/tests/document.rs`.

use std::time::Duration;

use axum::{Extension, Router, extract::DefaultBodyLimit, middleware};
use utoipa_axum::router::OpenApiRouter;

use crate::{
    access, alarms, api_keys, audit,
    body::MAX_BODY,
    bulk_acts, connections, consent, deliveries,
    document::{self, Document},
    edge::{body_timeout, caller_log, current, panics, request_id, to_the_end},
    events, health, mapping, metrics, notices, people, person, pins, plugin_operations, plugins, problem,
    pulls, releases, replicas, requests, restored_revisions,
    state::Api,
    status, tokens, version_difference, versions, webhook, webhook_setup,
};

/// All routes: the operator's API and the webhooks.
pub(crate) fn router(api: Api) -> Router {
    let (resources, declared) = resources().split_for_parts();
    all(resources.layer(Extension(Document::of(declared))), api)
}

/// Only the webhooks, for a network that vendors can reach.
pub(crate) fn webhooks(api: Api) -> Router {
    all(Router::new(), api)
}

/// `resources` and the webhooks. Deliveries have their own limits and their own log line.
fn all(resources: Router<Api>, api: Api) -> Router {
    let access = middleware::from_fn_with_state(api.clone(), access::log);
    let current = middleware::from_fn_with_state(api.clone(), current::check);
    let limited = middleware::from_fn_with_state(api.clone(), caller_log::limit);
    // Outermost, so that the log line and the id of a request belong to its task. Deliveries are left out: anyone can
    // send them, and the vendor repeats one that was cut off.
    let to_the_end = middleware::from_fn_with_state(api.caller_work(), to_the_end::handle);
    let resources = served(resources, api.body_timeout())
        .layer(current.clone())
        .layer(access)
        .layer(limited.clone())
        .layer(middleware::from_fn(request_id::assign))
        .layer(to_the_end);
    let webhooks = panics::caught(webhook::routes())
        .layer(current)
        .layer(limited)
        .layer(middleware::from_fn(request_id::assign));
    resources.merge(webhooks).with_state(api)
}

/// The routes of the API, which declare its document.
pub(crate) fn resources() -> OpenApiRouter<Api> {
    document::router()
        .merge(health::routes())
        .merge(connections::routes())
        .merge(alarms::routes())
        .merge(api_keys::routes())
        .merge(audit::routes())
        .merge(plugins::routes())
        .merge(pulls::routes())
        .merge(restored_revisions::routes())
        .merge(plugin_operations::routes())
        .merge(versions::routes())
        .merge(version_difference::routes())
        .merge(pins::routes())
        .merge(releases::routes())
        .merge(replicas::routes())
        .merge(requests::routes())
        .merge(bulk_acts::routes())
        .merge(status::routes())
        .merge(metrics::routes())
        .merge(tokens::routes())
        .merge(webhook_setup::routes())
        .merge(consent::routes())
        .merge(mapping::routes())
        .merge(events::routes())
        .merge(notices::routes())
        .merge(deliveries::routes())
        .merge(person::routes())
        .merge(people::routes())
}

/// `routes` with the layers of the whole API except the access log, which sees the answers of those before it, so that a
/// panic is logged as a request too.
pub(crate) fn served<S: Clone + Send + Sync + 'static>(
    routes: Router<S>,
    body_timeout: Duration,
) -> Router<S> {
    let routes = routes
        .method_not_allowed_fallback(problem::method_not_allowed)
        .fallback(problem::no_such_route)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn_with_state(body_timeout, body_timeout::limit));
    panics::caught(routes)
}
