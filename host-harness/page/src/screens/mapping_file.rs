//! The consent mapping of a connection as a file: exported, previewed and imported.

use askama::Template;
use axum::{
    Form, Router,
    extract::{Path, State},
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use host_api::{
    page::ApiClient,
    types::{
        mapping::{ConsentableItem, MappingPreview},
        problem::Problem,
    },
};
use http::Method;
use serde::Deserialize;

use super::{
    connection::{api_path, find},
    connections::path,
    mapping::PreviewScreen,
};
use crate::{
    answers::{Failed, Screen, shown_again},
    done::Done,
    form::{Control, FormField},
    frame::{Frame, NavSection},
    state::Page,
    text::segment,
    user::User,
};

pub(super) fn routes() -> Router<Page> {
    Router::new()
        .route("/connections/{key}/mapping/file", get(export))
        .route("/connections/{key}/mapping/import", get(ask_file).post(preview))
        .route("/connections/{key}/mapping/import/save", post(import))
}

async fn export(
    State(api): State<ApiClient>,
    user: User,
    Path(key): Path<String>,
) -> Result<Response, Failed> {
    let file = api.text(&user.caller, &format!("{}/mapping", api_path(&key))).await?;
    let name = format!("attachment; filename=\"mapping-{}.toml\"", segment(&key));
    let disposition = HeaderValue::from_str(&name).unwrap_or(HeaderValue::from_static("attachment"));
    let kind = HeaderValue::from_static("application/toml");
    Ok(([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, disposition)], file).into_response())
}

/// A file, as the form sends it.
#[derive(Debug, Default, Deserialize)]
struct Import {
    mapping: String,
}

#[derive(Template)]
#[template(path = "mapping_import.html")]
struct ImportScreen {
    frame: Frame,
    path: String,
    key: String,
    fields: Vec<FormField>,
}

impl ImportScreen {
    fn of(user: &User, key: String, written: &str, error: Option<String>) -> Self {
        let lines = Control::Lines { value: written.to_owned() };
        let field = FormField::new("mapping", "The file's content", lines)
            .required()
            .hint("As it was exported. Items that it leaves out are forgotten.")
            .error(error);
        let frame = Frame::of(user, NavSection::Connections, format!("Import the mapping of {key}"));
        Self { frame, path: path(&key), key, fields: vec![field] }
    }
}

async fn ask_file(
    State(api): State<ApiClient>,
    user: User,
    Path(key): Path<String>,
) -> Result<Screen<ImportScreen>, Failed> {
    find(&api, &user, &key).await?;
    Ok(Screen(ImportScreen::of(&user, key, "", None)))
}

async fn preview(
    State(api): State<ApiClient>,
    user: User,
    Path(key): Path<String>,
    Form(Import { mapping }): Form<Import>,
) -> Result<Response, Failed> {
    let previewing = format!("{}/mapping/preview", api_path(&key));
    match api.send_toml::<MappingPreview>(&user.caller, Method::POST, &previewing, mapping.clone()).await {
        Ok(preview) => {
            let kept = vec![("mapping".to_owned(), mapping)];
            Ok(Screen(PreviewScreen::of(&user, &key, preview, "import/save", kept)).into_response())
        }
        Err(problem) => refused(&user, key, &mapping, problem),
    }
}

async fn import(
    State(api): State<ApiClient>,
    user: User,
    Path(key): Path<String>,
    Form(Import { mapping }): Form<Import>,
) -> Result<Response, Failed> {
    let importing = format!("{}/mapping", api_path(&key));
    let saved = api.send_toml::<Vec<ConsentableItem>>(&user.caller, Method::PUT, &importing, mapping.clone());
    match saved.await {
        Ok(_) => Ok(Done::MappingSaved.at(&format!("{}/mapping", path(&key)))),
        Err(problem) => refused(&user, key, &mapping, problem),
    }
}

/// Shows the file again with what is wrong with it.
fn refused(user: &User, key: String, written: &str, problem: Problem) -> Result<Response, Failed> {
    if problem.status != 422 {
        return Err(problem.into());
    }
    let errors = problem.errors.iter().map(|error| format!("{}: {}", error.field, error.message));
    let errors = errors.collect::<Vec<_>>().join("; ");
    let error = if errors.is_empty() { problem.detail } else { errors };
    let screen = ImportScreen::of(user, key, written, Some(error));
    Ok(shown_again(problem.status, screen))
}
