//! The form of a connection, made from the manifest of its plugin.

use askama::Template;
use axum::{
    Form, Router,
    extract::{Path, Query, State},
    response::{IntoResponse as _, Response},
    routing::get,
};
use host_api::{
    page::ApiClient,
    types::{
        connections::Connection,
        plugins::{Permissions, Plugins},
        problem::Problem,
    },
};
use http::Method;
use serde::Deserialize;

use super::{
    connection::{api_path, find},
    connection_fields::{Entries, FormSubject, body, fields},
    connections::path,
};
use crate::{
    answers::{Failed, Screen, shown_again},
    done::Done,
    form::{Control, FieldChoice, FormField},
    frame::{Frame, NavSection},
    state::Page,
    text::segment,
    user::User,
};

pub(super) fn routes() -> Router<Page> {
    Router::new()
        .route("/new-connection", get(blank).post(create))
        .route("/connections/{key}/change", get(filled).post(change))
}

#[derive(Template)]
#[template(path = "connection_form.html")]
struct FormScreen {
    frame: Frame,
    /// Where it is posted.
    action: String,
    back: String,
    /// What is wrong with the form as a whole.
    problem: Option<String>,
    /// The vendor of the plugin, and the address of its documentation, if it is one that a browser only reads.
    vendor: String,
    documentation: Option<String>,
    fields: Vec<FormField>,
    button: &'static str,
}

#[derive(Template)]
#[template(path = "choose_plugin.html")]
struct ChoiceScreen {
    frame: Frame,
    field: FormField,
    is_empty: bool,
}

/// The plugin of a new connection, as the form sends it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ChosenPlugin {
    plugin: String,
}

async fn blank(
    State(api): State<ApiClient>,
    user: User,
    Query(ChosenPlugin { plugin }): Query<ChosenPlugin>,
) -> Result<Response, Failed> {
    if plugin.is_empty() {
        return Ok(choice(&api, &user).await?.into_response());
    }
    let form = FormSubject::New { plugin: permissions(&api, &user, &plugin).await?, name: plugin };
    Ok(Screen(screen(&user, &form, None, None)).into_response())
}

async fn choice(api: &ApiClient, user: &User) -> Result<Screen<ChoiceScreen>, Failed> {
    let Plugins { plugins, .. } = api.call(&user.caller, Method::GET, "/api/v1/plugins", None).await?;
    let choices = plugins.iter().map(|plugin| FieldChoice {
        value: plugin.name.clone(),
        label: format!("{} ({} {})", plugin.name, plugin.connector, plugin.version),
        is_chosen: false,
    });
    let field = FormField::new("plugin", "Plugin", Control::Select { choices: choices.collect() }).required();
    let frame = Frame::of(user, NavSection::Connections, "New connection");
    Ok(Screen(ChoiceScreen { frame, field, is_empty: plugins.is_empty() }))
}

async fn permissions(api: &ApiClient, user: &User, plugin: &str) -> Result<Permissions, Problem> {
    api.call(&user.caller, Method::GET, &format!("/api/v1/plugins/{}", segment(plugin)), None).await
}

/// Shows the form with `entries`, or as the connection is, and what the API refused.
fn screen(
    user: &User,
    form: &FormSubject,
    entries: Option<&Entries>,
    mut problem: Option<Problem>,
) -> FormScreen {
    let mut fields = fields(user, form, entries);
    if let Some(problem) = problem.as_ref().filter(|problem| problem.r#type.ends_with(":rekeys-people")) {
        let agree =
            FormField::new("agree", "Do it: rekey these people", Control::Checkbox { is_checked: false });
        fields.push(agree.error(Some(problem.detail.clone())));
    }
    let mut unplaced = Vec::new();
    for error in problem.iter_mut().flat_map(|problem| std::mem::take(&mut problem.errors)) {
        match fields.iter_mut().find(|field| field.name == error.field) {
            Some(field) => field.error = Some(error.message),
            None => unplaced.push(format!("{}: {}", error.field, error.message)),
        }
    }
    let is_placed = fields.iter().any(|field| field.error.is_some()) && unplaced.is_empty();
    let whole = |problem: Problem| {
        if unplaced.is_empty() {
            format!("{}: {}", problem.title, problem.detail)
        } else {
            unplaced.join("; ")
        }
    };
    let problem = problem.filter(|_| !is_placed).map(whole);
    let manifest = &form.plugin().manifest;
    let (title, action, back, button) = match form {
        FormSubject::New { name, .. } => (
            "New connection".to_owned(),
            format!("/new-connection?plugin={}", segment(name)),
            "/connections".to_owned(),
            "Create the connection",
        ),
        FormSubject::Change { connection, .. } => {
            let key = &connection.key;
            (format!("Change connection {key}"), format!("{}/change", path(key)), path(key), "Save")
        }
    };
    FormScreen {
        frame: Frame::of(user, NavSection::Connections, title),
        action,
        back,
        problem,
        vendor: manifest.vendor.clone(),
        documentation: Some(manifest.documentation.clone())
            .filter(|address| ["http://", "https://"].iter().any(|scheme| address.starts_with(scheme))),
        fields,
        button,
    }
}

/// Shows the form again with what was typed, if the API refused it because of that.
fn refused(user: &User, form: &FormSubject, entries: &Entries, problem: Problem) -> Result<Response, Failed> {
    if !matches!(problem.status, 400 | 403 | 409 | 422) {
        return Err(problem.into());
    }
    Ok(shown_again(problem.status, screen(user, form, Some(entries), Some(problem))))
}

async fn create(
    State(api): State<ApiClient>,
    user: User,
    Query(ChosenPlugin { plugin }): Query<ChosenPlugin>,
    Form(entries): Form<Entries>,
) -> Result<Response, Failed> {
    let form = FormSubject::New { plugin: permissions(&api, &user, &plugin).await?, name: plugin };
    let body = body(&user, &form, &entries);
    match api.call::<Connection>(&user.caller, Method::POST, "/api/v1/connection", Some(body)).await {
        Ok(made) => Ok(Done::ConnectionCreated.at(&path(&made.key))),
        Err(problem) => refused(&user, &form, &entries, problem),
    }
}

async fn changing(api: &ApiClient, user: &User, key: &str) -> Result<FormSubject, Problem> {
    let connection = find(api, user, key).await?;
    let plugin = permissions(api, user, &connection.plugin).await?;
    Ok(FormSubject::Change { plugin, connection: Box::new(connection) })
}

async fn filled(
    State(api): State<ApiClient>,
    user: User,
    Path(key): Path<String>,
) -> Result<Screen<FormScreen>, Failed> {
    let form = changing(&api, &user, &key).await?;
    Ok(Screen(screen(&user, &form, None, None)))
}

async fn change(
    State(api): State<ApiClient>,
    user: User,
    Path(key): Path<String>,
    Form(entries): Form<Entries>,
) -> Result<Response, Failed> {
    let form = changing(&api, &user, &key).await?;
    let body = body(&user, &form, &entries);
    let changing = format!("{}?agree={}", api_path(&key), entries.contains_key("agree"));
    match api.call::<Connection>(&user.caller, Method::PATCH, &changing, Some(body)).await {
        Ok(_) => Ok(Done::ConnectionChanged.at(&path(&key))),
        Err(problem) => refused(&user, &form, &entries, problem),
    }
}
