//! The OpenAPI document: every resource's part, and what all of them share.

use axum::{Router, http::header, response::IntoResponse, routing::get};
use serde::Serialize;
use utoipa::{
    OpenApi, ToSchema,
    openapi::{
        Components, ContentBuilder, Info, Ref, RefOr, ResponseBuilder, SecurityRequirement,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use super::{
    alarms, connections, consent, deliveries, health, metrics, notices, people, person, plugins, requests,
    tokens,
};
use crate::state::Api;

pub(super) fn routes() -> Router<Api> {
    Router::new().route("/openapi.json", get(openapi))
}

/// What went wrong: RFC 9457. Kinds add members of their own, such as `errors`, a message for each field.
#[derive(Serialize, ToSchema)]
struct Problem {
    /// Tells the kind: a URN that never changes.
    r#type: String,
    /// The kind, for people.
    title: String,
    /// The same as the answer's.
    status: u16,
    /// What was found and what to do.
    detail: String,
}

#[derive(OpenApi)]
#[openapi(paths(openapi), components(schemas(Problem)))]
struct Part;

/// This document. No API key is wanted.
#[utoipa::path(get, path = "/openapi.json", tag = "service", responses((status = 200, body = Object)), security(()))]
async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], text())
}

/// The whole document, as it is served and checked in.
pub(crate) fn text() -> String {
    let mut text = document().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

fn document() -> utoipa::openapi::OpenApi {
    let mut document = Part::openapi();
    for part in [
        health::Part::openapi(),
        connections::Part::openapi(),
        alarms::Part::openapi(),
        plugins::Part::openapi(),
        requests::Part::openapi(),
        metrics::Part::openapi(),
        tokens::Part::openapi(),
        consent::Part::openapi(),
        notices::Part::openapi(),
        deliveries::Part::openapi(),
        person::Part::openapi(),
        people::Part::openapi(),
    ] {
        document.merge(part);
    }
    let mut info = Info::new("connector-host", env!("CARGO_PKG_VERSION"));
    info.description = Some("The operator's API. Times are milliseconds since 1970 in UTC.".to_owned());
    document.info = info;
    document.security = Some(vec![SecurityRequirement::new::<_, [&str; 0], &str>("key", [])]);
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("A key that `connector-host api-key create` made."));
    document
        .components
        .get_or_insert_with(Components::new)
        .add_security_scheme("key", SecurityScheme::Http(bearer.build()));
    for item in document.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete]
            .into_iter()
            .flatten();
        for operation in operations {
            let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
            let response = ResponseBuilder::new()
                .description("It was not done, and why")
                .content("application/problem+json", problem)
                .build();
            operation.responses.responses.insert("default".to_owned(), RefOr::T(response));
        }
    }
    document
}
