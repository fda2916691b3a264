//! The error statuses of operations, for the OpenAPI document, which adds those that all operations share.
//! Tested in `src/tests/document.rs`.

use std::collections::BTreeMap;

use utoipa::{
    IntoResponses,
    openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder},
};

/// A problem document.
pub(crate) fn problem(description: &str) -> Response {
    let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new().description(description).content("application/problem+json", problem).build()
}

macro_rules! refusals {
    ($($name:ident $status:literal $description:literal,)+) => {
        $(
            #[doc = $description]
            pub(crate) struct $name;

            impl IntoResponses for $name {
                fn responses() -> BTreeMap<String, RefOr<Response>> {
                    [($status.to_owned(), RefOr::T(problem($description)))].into()
                }
            }
        )+
    };
}

refusals! {
    Forbidden "403" "The API key may not do this",
    NotFound "404" "It does not exist, or the API key cannot access it",
    Conflict "409" "The current state does not allow it",
    Unprocessable "422" "It is well-formed, but invalid",
    FailedDependency "424" "The vendor or the connection does not work",
    BadGateway "502" "The vendor, the connector or the registry failed",
}
