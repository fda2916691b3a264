//! The mapping of a vendor's items to notices, in Fides' shape and as a file.
//! Tested in `cli/src/tests/server/consent.rs`.

use axum::{
    extract::{State, rejection::StringRejection},
    http::header,
    response::IntoResponse,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body::{JsonArray, Path, Query},
    caller::{ConnectionsRead, ConnectionsWrite, PluginsRead, ScopedCaller as _},
    found::{calls_on, reachable_connection},
    problem::{Problem, kinds},
    refusals::{BadGateway, Conflict, Forbidden, NotFound, Unprocessable},
    state::Api,
    types::{
        mapping::{ConsentableItem, MappingPreview},
        pins::OnVersion,
    },
};
use host_model::consent::mapping::{self, MappingFile};
use host_service::{
    connections::Connections,
    consent::mappings::{MappingError, Mappings},
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(show_mapping, put_mapping))
        .routes(routes!(preview_mapping))
        .routes(routes!(export_mapping, import_mapping))
        .routes(routes!(preview_import))
}

/// Shows the mapping of the vendor's items to notices, in Fides' shape: the saved mapping together with the items that
/// the vendor lists now. Items are marked that are not saved yet (`unmapped`), that the vendor no longer lists
/// (`vanished`), has renamed or moved since the mapping was saved, or whose notice does not reach them (`conflict`). With `version`, which requires the scope `plugins:read` too, that version lists them and nothing is stored.
#[utoipa::path(get, path = "/api/v1/plus/connection/{key}/consentable-items", security(("key" = ["connections:read"])), tag = "consent",
    params(("key" = String, Path), OnVersion),
    responses((status = 200, body = Vec<ConsentableItem>), Forbidden, NotFound, Conflict, Unprocessable, BadGateway))]
async fn show_mapping(
    State(connections): State<Connections>,
    State(mappings): State<Mappings>,
    ConnectionsRead(caller): ConnectionsRead,
    Path(key): Path<String>,
    Query(on): Query<OnVersion>,
) -> Result<axum::Json<Vec<ConsentableItem>>, Problem> {
    reachable_connection(&connections, &caller, &key).await?;
    if on.version.is_none() {
        return Ok(items(mappings.show(&key).await?));
    }
    let calls = calls_on(&connections, &caller, &key, &on, PluginsRead::SCOPE).await?;
    Ok(items(mappings.rehearse(&calls).await?))
}

/// Saves the mapping as a whole. If it breaks rules, nothing is saved and the answer lists them.
#[utoipa::path(put, path = "/api/v1/plus/connection/{key}/consentable-items", security(("key" = ["connections:write"])), tag = "consent",
    params(("key" = String, Path)), request_body = Vec<ConsentableItem>,
    responses((status = 200, body = Vec<ConsentableItem>), Forbidden, NotFound, Unprocessable, BadGateway))]
async fn put_mapping(
    State(connections): State<Connections>,
    State(mappings): State<Mappings>,
    ConnectionsWrite(caller): ConnectionsWrite,
    Path(key): Path<String>,
    JsonArray(sent): JsonArray<Vec<ConsentableItem>>,
) -> Result<axum::Json<Vec<ConsentableItem>>, Problem> {
    reachable_connection(&connections, &caller, &key).await?;
    let sent = sent.into_iter().map(Into::into).collect();
    Ok(items(mappings.put(&key, sent, caller.who()).await?))
}

/// Previews what saving the mapping would change, and for how many known people it matters. If it breaks rules, the answer
/// lists them. Nothing is saved.
#[utoipa::path(post, path = "/api/v1/plus/connection/{key}/consentable-items/preview", security(("key" = ["connections:read"])), tag = "consent",
    params(("key" = String, Path)), request_body = Vec<ConsentableItem>,
    responses((status = 200, body = MappingPreview), Forbidden, NotFound, Unprocessable, BadGateway))]
async fn preview_mapping(
    State(connections): State<Connections>,
    State(mappings): State<Mappings>,
    ConnectionsRead(caller): ConnectionsRead,
    Path(key): Path<String>,
    JsonArray(sent): JsonArray<Vec<ConsentableItem>>,
) -> Result<axum::Json<MappingPreview>, Problem> {
    reachable_connection(&connections, &caller, &key).await?;
    let sent = sent.into_iter().map(Into::into).collect();
    Ok(axum::Json(mappings.preview(&key, sent).await?.into()))
}

/// Returns the saved mapping as a file, in TOML, to keep beside other configuration.
#[utoipa::path(get, path = "/api/v1/connection/{key}/mapping", security(("key" = ["connections:read"])), tag = "consent", params(("key" = String, Path)),
    responses((status = 200, body = String, content_type = "application/toml"), NotFound, Unprocessable))]
async fn export_mapping(
    State(connections): State<Connections>,
    State(mappings): State<Mappings>,
    ConnectionsRead(caller): ConnectionsRead,
    Path(key): Path<String>,
) -> Result<impl IntoResponse, Problem> {
    reachable_connection(&connections, &caller, &key).await?;
    let file = mappings.export(&key).await?.to_toml();
    let file = file.map_err(|error| Problem::of(kinds::INTERNAL, error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, "application/toml")], file))
}

/// Saves the mapping that a file describes, as a whole or not at all.
#[utoipa::path(put, path = "/api/v1/connection/{key}/mapping", security(("key" = ["connections:write"])), tag = "consent", params(("key" = String, Path)),
    request_body(content = String, content_type = "application/toml"),
    responses((status = 200, body = Vec<ConsentableItem>), Forbidden, NotFound, Unprocessable, BadGateway))]
async fn import_mapping(
    State(connections): State<Connections>,
    State(mappings): State<Mappings>,
    ConnectionsWrite(caller): ConnectionsWrite,
    Path(key): Path<String>,
    text: Result<String, StringRejection>,
) -> Result<axum::Json<Vec<ConsentableItem>>, Problem> {
    reachable_connection(&connections, &caller, &key).await?;
    Ok(items(mappings.import(&key, mapping_file(&text?)?, caller.who()).await?))
}

/// Previews what saving the mapping that a file describes would change, and for how many known people it matters. Nothing is
/// saved.
#[utoipa::path(post, path = "/api/v1/connection/{key}/mapping/preview", security(("key" = ["connections:read"])), tag = "consent", params(("key" = String, Path)),
    request_body(content = String, content_type = "application/toml"),
    responses((status = 200, body = MappingPreview), Forbidden, NotFound, Unprocessable, BadGateway))]
async fn preview_import(
    State(connections): State<Connections>,
    State(mappings): State<Mappings>,
    ConnectionsRead(caller): ConnectionsRead,
    Path(key): Path<String>,
    text: Result<String, StringRejection>,
) -> Result<axum::Json<MappingPreview>, Problem> {
    reachable_connection(&connections, &caller, &key).await?;
    Ok(axum::Json(mappings.preview_import(&key, mapping_file(&text?)?).await?.into()))
}

fn mapping_file(text: &str) -> Result<MappingFile, Problem> {
    MappingFile::from_toml(text).map_err(|error| Problem::of(kinds::NO_MAPPING, error.to_string()))
}

fn items(items: Vec<mapping::ConsentableItem>) -> axum::Json<Vec<ConsentableItem>> {
    axum::Json(items.into_iter().map(Into::into).collect())
}

impl From<MappingError> for Problem {
    fn from(error: MappingError) -> Self {
        let detail = error.to_string();
        match error {
            MappingError::NotServed(not_served) => not_served.into(),
            MappingError::NotListed(_) => Self::of(kinds::VENDOR, detail),
            MappingError::Problems(problems) => {
                let errors = problems.iter().map(|problem| (problem.place.clone(), problem.without_place()));
                Self::of(kinds::UNSOUND_MAPPING, "nothing was saved").about_fields(errors)
            }
            MappingError::Store(error) => error.into(),
        }
    }
}
