//! The operator's HTTP API. A file a resource: its routes, its handlers and its part of the OpenAPI document.
//!
//! To add one: write `api/NAME.rs` with `routes()` and `Part`, and name it in [`resources`] and [`document`].

mod access;
mod alarms;
mod body;
mod caller;
mod connections;
mod consent;
mod deliveries;
pub(crate) mod document;
mod health;
mod metrics;
mod notices;
mod people;
mod person;
mod plugins;
mod problem;
mod requests;
mod tokens;

use std::sync::Arc;

use axum::{Extension, Router, extract::DefaultBodyLimit, middleware};

pub(crate) use body::{Json, Path, Query, Text, told};
pub(crate) use caller::{Caller, Everybody, Writer};
pub(crate) use problem::{Problem, kinds};

use crate::{
    registry::owned::Owned,
    sandbox::Calls,
    service::Shared,
    webhook::{self, receive::Webhooks},
};
use host_store::connections as kept;

/// The largest JSON body, in bytes: every setting at its longest fits, and nobody sends more by hand.
const LARGEST_BODY: usize = 1 << 20;

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

/// The connection of that key, where `caller` may see it: another tenant's is as if it were not there.
pub(crate) async fn found(shared: &Shared, caller: &Caller, key: &str) -> Result<Owned, Problem> {
    let found = crate::registry::change::find(shared, key).await?;
    let seen = found.filter(|owned| caller.reaches(&owned.spec.tenant.0));
    let owned = seen.ok_or_else(|| unknown(key))?;
    access::about(&owned.spec.tenant.0, key);
    Ok(owned)
}

/// The same for one that may not be readable: there is a connection of that key that `caller` may see.
pub(crate) async fn seen(shared: &Shared, caller: &Caller, key: &str) -> Result<(), Problem> {
    let name = key.to_owned();
    let tenant = shared.store.read(|c| Box::pin(async move { kept::tenant(c, &name).await })).await?;
    let tenant = tenant.filter(|tenant| caller.reaches(tenant)).ok_or_else(|| unknown(key))?;
    access::about(&tenant, key);
    Ok(())
}

fn unknown(key: &str) -> Problem {
    Problem::of(kinds::UNKNOWN, format!("there is no connection `{key}`"))
}

/// The calls of a connection, where it can make any.
pub(crate) fn calls(shared: &Shared, key: &str) -> Result<Calls, Problem> {
    shared.host.connection(key).map_err(|unknown| {
        let problem = shared.registry.problem(key);
        let detail = problem.map_or_else(|| unknown.to_string(), |problem| problem.to_string());
        Problem::of(kinds::UNSUITED, detail)
    })
}

#[cfg(test)]
mod tests;
