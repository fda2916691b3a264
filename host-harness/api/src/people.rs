//! What is known of a person, and people whose records version 0.1.0 merged.
//! Tested in `src/tests/people.rs` and `src/tests/rekeying.rs`.

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use host_service::{people::People, requests::Requests};
use host_store::{Store, merged};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body::Json,
    caller::{AdminRead, ConsentRead, RequestsRead, ScopedCaller as _},
    problem::Problem,
    state::Api,
    types::people::{PersonAtConnection, PersonReport, PersonToFind, SharedRecords},
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list_shared_records)).routes(routes!(find_person))
}

/// Lists the connections that the API key can access in which several people shared one record, because they share an
/// identifier that does not identify a person there. Check their requests: an opt-out or erasure may have been refused,
/// or carried out for the wrong person.
#[utoipa::path(get, path = "/api/v1/people/merged", security(("key" = ["admin:read"])), tag = "people",
    responses((status = 200, body = SharedRecords)))]
async fn list_shared_records(
    State(store): State<Store>,
    AdminRead(caller): AdminRead,
) -> Result<axum::Json<SharedRecords>, Problem> {
    let reach = caller.reach().clone();
    let merged = store.read(|c| Box::pin(async move { merged::merged(c, &reach).await }));
    Ok(axum::Json(SharedRecords { connections: merged.await?.into_iter().map(Into::into).collect() }))
}

/// Returns what was requested for a person, what became of it, and their current choices, at each connection that the API key
/// can access and that knows the person. The identifiers are stored nowhere; the audit chain records the look-up with keyed
/// hashes of them. Choices require the scope `consent:read` too.
#[utoipa::path(post, path = "/api/v1/people/find", security(("key" = ["requests:read"])), tag = "people",
    responses((status = 200, body = PersonReport)))]
async fn find_person(
    State(people): State<People>,
    State(requests): State<Requests>,
    RequestsRead(caller): RequestsRead,
    Json(PersonToFind { identity, tenant }): Json<PersonToFind>,
) -> Result<Response, Problem> {
    let found = people.find(identity.into(), caller.reach().clone(), tenant, caller.who()).await?;
    let sees_choices = caller.check(ConsentRead::SCOPE).is_ok();
    let mut connections = Vec::new();
    for mut at in found {
        let standings = requests.standings(std::mem::take(&mut at.requests)).await?;
        let at = PersonAtConnection::of(at, standings);
        connections.push(if sees_choices { at } else { at.without_choices() });
    }
    let mut response = axum::Json(PersonReport { connections }).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
