//! Uploading a version of a plugin.

use askama::Template;
use axum::{
    Router,
    extract::{DefaultBodyLimit, Multipart, Query, State, multipart::MultipartError},
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::get,
};
use host_api::page::{ApiClient, MAX_COMPONENT};
use serde::Deserialize;

use super::plugin_paths;
use crate::{
    answers::{Failed, Screen, shown_again},
    form::{Control, FieldChoice, FormField},
    frame::{Frame, NavSection},
    state::Page,
    text::segment,
    user::User,
};

/// What the other fields and the form's own lines may add to the component, in bytes.
const MAX_OTHER_FIELDS: usize = 1 << 16;

/// What happens with an upload at once: the value in the form, and its label.
const NEXT: [(&str, &str); 2] = [
    ("upload", "Upload and prove it; approve and serve it later"),
    ("publish", "Serve it at once if it requests nothing more"),
];

pub(super) fn routes() -> Router<Page> {
    let limit = DefaultBodyLimit::max(MAX_COMPONENT + MAX_OTHER_FIELDS);
    Router::new().route("/plugin-upload", get(ask).post(upload).layer(limit))
}

/// What was typed. The component is not part of it: a browser does not send a file back.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct TypedUpload {
    plugin: String,
    note: String,
    next: String,
}

/// Why a field is not accepted.
#[derive(Default)]
struct Wrong {
    plugin: Option<String>,
    component: Option<String>,
}

#[derive(Template)]
#[template(path = "upload.html")]
struct UploadScreen {
    frame: Frame,
    fields: Vec<FormField>,
}

impl UploadScreen {
    fn of(user: &User, typed: TypedUpload, wrong: Wrong) -> Self {
        let next = if typed.next.is_empty() { "upload" } else { &typed.next };
        let next = FieldChoice::among(NEXT, next);
        let fields = vec![
            FormField::text("plugin", "Plugin", typed.plugin)
                .required()
                .hint("The name that connections refer to: an existing one, or a new one.")
                .error(wrong.plugin),
            FormField::new("component", "Component", Control::File { types: ".wasm,application/wasm" })
                .required()
                .hint("A WebAssembly component. It is compiled and proven in its own sandbox first.")
                .error(wrong.component),
            FormField::text("note", "Note", typed.note).hint("What the history says about it."),
            FormField::new("next", "Then", Control::Select { choices: next }).required(),
        ];
        Self { frame: Frame::of(user, NavSection::Plugins, "Upload a version"), fields }
    }
}

async fn ask(user: User, Query(typed): Query<TypedUpload>) -> Screen<UploadScreen> {
    Screen(UploadScreen::of(&user, typed, Wrong::default()))
}

async fn upload(State(api): State<ApiClient>, user: User, form: Multipart) -> Result<Response, Failed> {
    let Sent { typed, component } = match sent(form).await {
        Ok(sent) => sent,
        Err(error) => {
            let wrong = Wrong { component: Some(error.body_text()), plugin: None };
            let screen = UploadScreen::of(&user, TypedUpload::default(), wrong);
            return Ok((error.status(), Screen(screen)).into_response());
        }
    };
    let is_named = !typed.plugin.trim().is_empty();
    let wrong = Wrong {
        plugin: (!is_named).then(|| "name the plugin".to_owned()),
        component: component.is_empty().then(|| "choose the file of a component".to_owned()),
    };
    if !is_named || component.is_empty() {
        let screen = UploadScreen::of(&user, typed, wrong);
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, Screen(screen)).into_response());
    }
    let note = match typed.note.trim() {
        "" => String::new(),
        note => format!("?note={}", segment(note)),
    };
    let rest = if typed.next == "publish" { "" } else { "/versions" };
    let path = format!("{}{rest}{note}", plugin_paths::plugin_in_api(typed.plugin.trim()));
    match api.begin(&user.caller, &path, Some(component)).await {
        Ok(begun) => Ok(plugin_paths::to_begun(&begun)),
        Err(problem) if problem.status == 422 => {
            let wrong = Wrong { plugin: Some(problem.detail), component: None };
            Ok(shown_again(problem.status, UploadScreen::of(&user, typed, wrong)))
        }
        Err(problem) => Err(problem.into()),
    }
}

/// What the form sent.
#[derive(Default)]
struct Sent {
    typed: TypedUpload,
    component: Vec<u8>,
}

async fn sent(mut form: Multipart) -> Result<Sent, MultipartError> {
    let mut sent = Sent::default();
    while let Some(field) = form.next_field().await? {
        match field.name().unwrap_or_default() {
            "plugin" => sent.typed.plugin = field.text().await?,
            "note" => sent.typed.note = field.text().await?,
            "next" => sent.typed.next = field.text().await?,
            "component" => sent.component = field.bytes().await?.into(),
            _ => {}
        }
    }
    Ok(sent)
}
