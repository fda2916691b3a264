//! The notices and systems of a tenant, which say whose choices reach which connection.

use std::collections::BTreeSet;

use askama::Template;
use axum::{
    Form, Router,
    extract::{Path, Query, State},
    response::Response,
    routing::get,
};
use host_api::{
    page::ApiClient,
    types::{
        notices::{Enforcement, Notice, Notices, System, Systems},
        problem::Problem,
    },
};
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    answers::{Failed, Screen, shown_again},
    confirm::{ConfirmScreen, Tone},
    done::Done,
    form::{Control, FieldChoice, FormField},
    frame::{Frame, NavSection},
    state::Page,
    text::segment,
    user::User,
};

pub(super) fn routes() -> Router<Page> {
    Router::new()
        .route("/tenants/{tenant}/notices", get(list))
        .route("/tenants/{tenant}/notices/save", get(ask_notice).post(save_notice))
        .route("/tenants/{tenant}/notices/delete", get(ask_notice_deletion).post(delete_notice))
        .route("/tenants/{tenant}/systems/save", get(ask_system).post(save_system))
        .route("/tenants/{tenant}/systems/delete", get(ask_system_deletion).post(delete_system))
}

/// The address of the tenant's notices and systems.
fn path(tenant: &str) -> String {
    format!("/tenants/{}/notices", segment(tenant))
}

/// The path of the API about one of the tenant's `things`.
fn api_path(tenant: &str, things: &str, id: &str) -> String {
    format!("/api/v1/tenants/{}/{things}/{}", segment(tenant), segment(id))
}

/// The notices of a tenant.
pub(super) async fn notices(api: &ApiClient, user: &User, tenant: &str) -> Result<Vec<Notice>, Problem> {
    let path = format!("/api/v1/tenants/{}/notices", segment(tenant));
    let Notices { notices } = api.call(&user.caller, Method::GET, &path, None).await?;
    Ok(notices)
}

/// The systems of a tenant.
pub(super) async fn systems(api: &ApiClient, user: &User, tenant: &str) -> Result<Vec<System>, Problem> {
    let path = format!("/api/v1/tenants/{}/systems", segment(tenant));
    let Systems { systems } = api.call(&user.caller, Method::GET, &path, None).await?;
    Ok(systems)
}

/// A notice or a system as the screen shows it.
struct Row {
    id: String,
    /// The id as a part of an address.
    segment: String,
    name: String,
    data_uses: String,
    enforcement: &'static str,
}

fn enforcement(enforcement: Enforcement) -> &'static str {
    match enforcement {
        Enforcement::SystemWide => "sent to vendors",
        Enforcement::Frontend => "by the page that shows it",
        Enforcement::NotApplicable => "none required",
    }
}

fn spaced(data_uses: &BTreeSet<String>) -> String {
    data_uses.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
}

#[derive(Template)]
#[template(path = "catalogue.html")]
struct CatalogueScreen {
    frame: Frame,
    tenant: String,
    /// The address below which the tenant's screens are.
    base: String,
    notices: Vec<Row>,
    systems: Vec<Row>,
}

async fn list(
    State(api): State<ApiClient>,
    user: User,
    Path(tenant): Path<String>,
) -> Result<Screen<CatalogueScreen>, Failed> {
    let notice = |notice: Notice| Row {
        segment: segment(&notice.id),
        id: notice.id,
        name: notice.name,
        data_uses: spaced(&notice.data_uses),
        enforcement: enforcement(notice.enforcement_level),
    };
    let system = |system: System| Row {
        segment: segment(&system.fides_key),
        id: system.fides_key,
        name: system.name,
        data_uses: spaced(&system.data_uses),
        enforcement: "",
    };
    let notices = notices(&api, &user, &tenant).await?.into_iter().map(notice).collect();
    let systems = systems(&api, &user, &tenant).await?.into_iter().map(system).collect();
    let frame = Frame::of(&user, NavSection::Connections, format!("Notices and systems of {tenant}"));
    Ok(Screen(CatalogueScreen {
        frame,
        base: format!("/tenants/{}", segment(&tenant)),
        tenant,
        notices,
        systems,
    }))
}

/// A notice or a system, as the form sends it. What is left out is empty.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct CatalogueEntry {
    id: String,
    key: String,
    name: String,
    data_uses: String,
    enforcement: String,
}

impl CatalogueEntry {
    fn data_uses(&self) -> BTreeSet<&str> {
        self.data_uses.split_whitespace().collect()
    }
}

/// The id of what a screen is about; empty for a new one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct About {
    id: String,
}

#[derive(Template)]
#[template(path = "catalogue_form.html")]
struct EntryScreen {
    frame: Frame,
    tenant: String,
    back: String,
    action: String,
    /// What is wrong with it as a whole.
    problem: Option<String>,
    fields: Vec<FormField>,
}

impl EntryScreen {
    fn notice(user: &User, tenant: &str, entry: &CatalogueEntry) -> Self {
        let levels = [
            ("system_wide", "by every system: choices are sent to vendors"),
            ("frontend", "by the page that shows it: choices are sent to no vendor"),
            ("not_applicable", "no enforcement is required"),
        ];
        let fields = vec![
            FormField::text("id", "ID", &entry.id)
                .required()
                .hint("The platform's id. Saving replaces the notice with this id."),
            FormField::text("key", "Key", &entry.key)
                .hint("The platform's key, which stays the same across versions of the notice."),
            FormField::text("name", "Name", &entry.name).required(),
            Self::data_uses(entry),
            FormField::new(
                "enforcement",
                "Enforced",
                Control::Select { choices: FieldChoice::among(levels, &entry.enforcement) },
            )
            .required(),
        ];
        Self::of(user, tenant, "Notice", "notices", fields)
    }

    fn system(user: &User, tenant: &str, entry: &CatalogueEntry) -> Self {
        let fields = vec![
            FormField::text("id", "Key", &entry.id)
                .required()
                .hint("The platform's key. Saving replaces the system with this key."),
            FormField::text("name", "Name", &entry.name).required(),
            Self::data_uses(entry),
        ];
        Self::of(user, tenant, "System", "systems", fields)
    }

    fn data_uses(entry: &CatalogueEntry) -> FormField {
        FormField::text("data_uses", "Data uses", &entry.data_uses).hint(
            "With spaces between them, such as marketing.advertising. A notice reaches the systems that have one of its data \
             uses, or one below it.",
        )
    }

    fn of(user: &User, tenant: &str, title: &str, things: &str, fields: Vec<FormField>) -> Self {
        Self {
            frame: Frame::of(user, NavSection::Connections, format!("{title} of {tenant}")),
            tenant: tenant.to_owned(),
            back: path(tenant),
            action: format!("/tenants/{}/{things}/save", segment(tenant)),
            problem: None,
            fields,
        }
    }

    /// Shows it again with what the API refused.
    fn refused(mut self, mut problem: Problem) -> Result<Response, Failed> {
        if !matches!(problem.status, 400 | 409 | 422) {
            return Err(problem.into());
        }
        for error in std::mem::take(&mut problem.errors) {
            let name = match error.field.as_str() {
                "fides_key" => "id",
                "notice_key" => "key",
                other => other,
            };
            match self.fields.iter_mut().find(|field| field.name == name) {
                Some(field) => field.error = Some(error.message),
                None => self.problem = Some(error.message),
            }
        }
        if self.fields.iter().all(|field| field.error.is_none()) && self.problem.is_none() {
            self.problem = Some(problem.detail);
        }
        Ok(shown_again(problem.status, self))
    }
}

async fn ask_notice(
    State(api): State<ApiClient>,
    user: User,
    Path(tenant): Path<String>,
    Query(About { id }): Query<About>,
) -> Result<Screen<EntryScreen>, Failed> {
    let known = notices(&api, &user, &tenant).await?.into_iter().find(|notice| notice.id == id);
    let entry = known.map_or_else(CatalogueEntry::default, |notice| CatalogueEntry {
        id: notice.id,
        key: notice.notice_key.unwrap_or_default(),
        name: notice.name,
        data_uses: spaced(&notice.data_uses),
        enforcement: notice.enforcement_level.to_string(),
    });
    Ok(Screen(EntryScreen::notice(&user, &tenant, &entry)))
}

async fn ask_system(
    State(api): State<ApiClient>,
    user: User,
    Path(tenant): Path<String>,
    Query(About { id }): Query<About>,
) -> Result<Screen<EntryScreen>, Failed> {
    let known = systems(&api, &user, &tenant).await?.into_iter().find(|system| system.fides_key == id);
    let entry = known.map_or_else(CatalogueEntry::default, |system| CatalogueEntry {
        id: system.fides_key,
        name: system.name,
        data_uses: spaced(&system.data_uses),
        ..CatalogueEntry::default()
    });
    Ok(Screen(EntryScreen::system(&user, &tenant, &entry)))
}

async fn save_notice(
    State(api): State<ApiClient>,
    user: User,
    Path(tenant): Path<String>,
    Form(entry): Form<CatalogueEntry>,
) -> Result<Response, Failed> {
    let id = entry.id.trim();
    let key = Some(entry.key.trim()).filter(|key| !key.is_empty());
    let body = json!({"id": id, "notice_key": key, "name": entry.name.trim(), "data_uses": entry.data_uses(),
        "enforcement_level": entry.enforcement});
    match put(&api, &user, &api_path(&tenant, "notices", id), body).await {
        Ok(()) => Ok(Done::NoticeSaved.at(&path(&tenant))),
        Err(problem) => EntryScreen::notice(&user, &tenant, &entry).refused(problem),
    }
}

async fn save_system(
    State(api): State<ApiClient>,
    user: User,
    Path(tenant): Path<String>,
    Form(entry): Form<CatalogueEntry>,
) -> Result<Response, Failed> {
    let id = entry.id.trim();
    let body = json!({"fides_key": id, "name": entry.name.trim(), "data_uses": entry.data_uses()});
    match put(&api, &user, &api_path(&tenant, "systems", id), body).await {
        Ok(()) => Ok(Done::SystemSaved.at(&path(&tenant))),
        Err(problem) => EntryScreen::system(&user, &tenant, &entry).refused(problem),
    }
}

async fn put(api: &ApiClient, user: &User, path: &str, body: Value) -> Result<(), Problem> {
    api.call(&user.caller, Method::PUT, path, Some(body)).await
}

fn deletion(user: &User, tenant: &str, title: String, things: &str, id: String) -> ConfirmScreen {
    ConfirmScreen {
        frame: Frame::of(user, NavSection::Connections, title),
        consequences: vec![
            "What people chose stays recorded. It is refused while a mapping or a connection needs it."
                .to_owned(),
        ],
        action: format!("/tenants/{}/{things}/delete", segment(tenant)),
        kept: vec![("id".to_owned(), id)],
        button: "Delete it".to_owned(),
        tone: Tone::Danger,
        back: path(tenant),
    }
}

async fn ask_notice_deletion(
    user: User,
    Path(tenant): Path<String>,
    Query(About { id }): Query<About>,
) -> Screen<ConfirmScreen> {
    Screen(deletion(&user, &tenant, format!("Delete notice {id}?"), "notices", id))
}

async fn ask_system_deletion(
    user: User,
    Path(tenant): Path<String>,
    Query(About { id }): Query<About>,
) -> Screen<ConfirmScreen> {
    Screen(deletion(&user, &tenant, format!("Delete system {id}?"), "systems", id))
}

async fn delete_notice(
    State(api): State<ApiClient>,
    user: User,
    Path(tenant): Path<String>,
    Form(About { id }): Form<About>,
) -> Result<Response, Failed> {
    api.call::<()>(&user.caller, Method::DELETE, &api_path(&tenant, "notices", &id), None).await?;
    Ok(Done::NoticeDeleted.at(&path(&tenant)))
}

async fn delete_system(
    State(api): State<ApiClient>,
    user: User,
    Path(tenant): Path<String>,
    Form(About { id }): Form<About>,
) -> Result<Response, Failed> {
    api.call::<()>(&user.caller, Method::DELETE, &api_path(&tenant, "systems", &id), None).await?;
    Ok(Done::SystemDeleted.at(&path(&tenant)))
}
