//! The OpenAPI document: the declarations of the routes, and what all operations share.
//! Tested in `src/tests/document.rs`.

use std::sync::Arc;

use axum::{
    Extension,
    http::{StatusCode, header},
    response::IntoResponse,
};
use utoipa::{
    OpenApi,
    openapi::{
        Info, Paths, RefOr, SecurityRequirement,
        path::{Operation, PathItem},
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};
use utoipa_axum::{router::OpenApiRouter, routes};

use serde_json::{Value, json};

use crate::{identity, refusals, state::Api, types::problem::Problem};

#[derive(OpenApi)]
#[openapi(components(schemas(Problem)))]
struct Shared;

/// The router that the routes are declared on.
pub(crate) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::with_openapi(Shared::openapi()).routes(routes!(openapi))
}

/// The text of the document, as served.
#[derive(Clone)]
pub(crate) struct Document(Arc<str>);

impl Document {
    /// The document with the routes in `declared`.
    pub(crate) fn of(declared: utoipa::openapi::OpenApi) -> Self {
        let mut document = json!(completed(declared));
        if let Some(Value::Object(identity)) = document.pointer_mut("/components/schemas/Identity") {
            identity.insert("not".to_owned(), identity::nobody());
        }
        let text = format!("{document:#}\n");
        Self(text.into())
    }

    /// Its text.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

/// Returns this document. No API key is required.
#[utoipa::path(get, path = "/openapi.json", tag = "service", security(()),
    responses((status = 200, body = serde_json::Value, description = "An OpenAPI 3.1 document")))]
async fn openapi(Extension(Document(text)): Extension<Document>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], text.to_string())
}

fn completed(mut document: utoipa::openapi::OpenApi) -> utoipa::openapi::OpenApi {
    let mut info = Info::new("connector-host", env!("CARGO_PKG_VERSION"));
    info.description = Some("The operator's API. Times are milliseconds since 1970 in UTC.".to_owned());
    document.info = info;
    document.security = Some(vec![SecurityRequirement::new::<_, [&str; 0], &str>("key", [])]);
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("An API key created with `connector-host api-key create`."));
    document
        .components
        .get_or_insert_default()
        .add_security_scheme("key", SecurityScheme::Http(bearer.build()));
    for operation in operations(&mut document.paths) {
        split_summary(operation);
        add_common_refusals(operation);
        describe_successes(operation);
    }
    document
}

fn operations(paths: &mut Paths) -> impl Iterator<Item = &mut Operation> {
    paths.paths.values_mut().flat_map(|item| {
        let PathItem { get, post, put, patch, delete, .. } = item;
        [get, post, put, patch, delete].into_iter().flatten()
    })
}

/// The first sentence of an operation's text becomes its summary, the rest its description.
fn split_summary(operation: &mut Operation) {
    let said = operation.summary.take().unwrap_or_default().replace('\n', " ");
    let (summary, rest) =
        said.split_once(". ").map_or((said.as_str(), None), |(first, rest)| (first, Some(rest)));
    operation.summary = Some(summary.trim_end_matches('.').to_owned());
    operation.description = rest.map(str::to_owned);
}

/// Each response must have a description. That of a success is the name of its status.
fn describe_successes(operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        let reason =
            StatusCode::from_bytes(status.as_bytes()).ok().and_then(|status| status.canonical_reason());
        if let (RefOr::T(response), Some(reason)) = (response, reason)
            && response.description.is_empty()
        {
            reason.clone_into(&mut response.description);
        }
    }
}

/// The errors that do not depend on what an operation does.
fn add_common_refusals(operation: &mut Operation) {
    let has_parameters = operation.parameters.as_ref().is_some_and(|parameters| !parameters.is_empty());
    let body = operation.request_body.as_ref();
    let has_body = body.is_some();
    let has_json = matches!(body, Some(RefOr::T(body)) if body.content.contains_key("application/json"));
    // Operations that need no key declare an empty requirement, all others the scope.
    let is_open = json!(operation.security) == json!([{}]);
    let common = [
        (true, "500", "Internal error: the service's log has the cause"),
        (true, "503", "Temporarily unavailable: try again after `Retry-After`"),
        (!is_open, "401", "A valid API key is required"),
        (!is_open, "403", "The API key may not do this"),
        (has_parameters || has_body, "400", "The path, the query or the body cannot be read"),
        (has_body, "408", "The body did not arrive in time"),
        (has_body, "413", "The body is too large"),
        (has_json, "415", "Unsupported content type"),
    ];
    for (_, status, description) in common.into_iter().filter(|(applies, ..)| *applies) {
        let refusal = RefOr::T(refusals::problem(description));
        operation.responses.responses.entry(status.to_owned()).or_insert(refusal);
    }
}
