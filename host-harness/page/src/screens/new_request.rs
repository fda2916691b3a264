//! A new request for a person: typed, confirmed, and stored. The person is only in the bodies of forms.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    Form, Router,
    extract::{Query, State},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use host_api::{
    page::ApiClient,
    types::{
        connections::{Connection, Connections},
        notices::Notices,
        plugins::Permissions,
        problem::Problem,
        requests::AcceptedRequest,
    },
};
use host_model::scope::{AccessKind, Area};
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    answers::{Failed, Screen, shown_again},
    confirm::{ConfirmScreen, Tone},
    done::Done,
    form::{Control, FieldChoice, FormField},
    frame::{Frame, NavSection, Rights},
    state::Page,
    text::segment,
    user::User,
};

/// The path of the form.
const PATH: &str = "/requests/new";

/// Where the choice of a person who asked an operator was made.
const SOURCE: &str = "operator's page";

/// The choice that asks for an erasure.
const ERASURE: &str = "erasure";

/// Why a form without a choice is not accepted: no choice is taken for one.
const NO_WISH: &str = "Choose what the person wants.";

/// The prefix of the fields with identifiers. The rest is the kind.
const IDENTIFIER: &str = "identifier-";

/// The kinds that are offered if the key may not read what the plugin accepts.
const COMMON_KINDS: [&str; 3] = ["email", "user-id", "phone"];

/// The most connections that a list offers. With more, the name is typed.
const MAX_OFFERED: usize = 200;

pub(super) fn routes() -> Router<Page> {
    Router::new().route(PATH, get(show).post(ask)).route("/requests/new/send", post(send))
}

/// What is typed.
#[derive(Default, Deserialize)]
#[serde(default)]
struct TypedRequest {
    connection: String,
    wish: String,
    /// The identifiers among the fields, by name.
    #[serde(flatten)]
    fields: BTreeMap<String, String>,
}

/// What the person wants.
enum Wish<'a> {
    Erasure,
    Preference { notice: &'a str, preference: &'static str },
}

impl TypedRequest {
    /// Returns what the person wants; `None` if nothing is chosen.
    fn wish(&self) -> Option<Wish<'_>> {
        let notice = |preference| move |notice| Wish::Preference { notice, preference };
        let opt_out = self.wish.strip_prefix("opt_out:").map(notice("opt_out"));
        let chosen = opt_out.or_else(|| self.wish.strip_prefix("opt_in:").map(notice("opt_in")));
        chosen.or_else(|| (self.wish == ERASURE).then_some(Wish::Erasure))
    }

    /// Returns the kinds and values that are filled in.
    fn identifiers(&self) -> impl Iterator<Item = (&str, &str)> {
        let identifiers = self
            .fields
            .iter()
            .filter_map(|(name, value)| Some((name.strip_prefix(IDENTIFIER)?, value.trim())));
        identifiers.filter(|(_, value)| !value.is_empty())
    }

    /// Returns the names and values of the form, to be posted again.
    fn kept(&self) -> Vec<(String, String)> {
        let own = [("connection", &self.connection), ("wish", &self.wish)];
        let own = own.into_iter().map(|(name, value)| (name.to_owned(), value.clone()));
        let identifiers =
            self.identifiers().map(|(kind, value)| (format!("{IDENTIFIER}{kind}"), value.to_owned()));
        own.chain(identifiers).collect()
    }

    /// Returns the path and the body of the call that stores the request for `wish`.
    fn call(&self, wish: &Wish<'_>) -> (String, Value) {
        let connection = segment(&self.connection);
        let identity: BTreeMap<_, _> = self.identifiers().collect();
        match wish {
            Wish::Erasure => (
                format!("/api/v1/connection/{connection}/requests"),
                json!({"action": "erasure", "identity": identity}),
            ),
            Wish::Preference { notice, preference } => {
                let preference = json!({"notice": notice, "preference": preference, "source": SOURCE});
                let body = json!({"identity": identity, "preferences": {"notices": [preference]}});
                (format!("/api/v1/connection/{connection}/consent"), body)
            }
        }
    }
}

#[derive(Template)]
#[template(path = "new_request.html")]
struct NewRequestScreen {
    frame: Frame,
    /// Where the form is sent to; the form that chooses a connection leads to the one for it.
    method: &'static str,
    fields: Vec<FormField>,
    /// Why the API refused the request.
    problem: Option<String>,
}

async fn show(
    State(api): State<ApiClient>,
    user: User,
    Query(typed): Query<ChosenConnection>,
) -> Result<Screen<NewRequestScreen>, Failed> {
    let typed = TypedRequest { connection: typed.connection, ..TypedRequest::default() };
    form(&api, &user, &typed).await.map(Screen)
}

/// The connection in the address of the form.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ChosenConnection {
    connection: String,
}

/// Returns the form with what is typed, or the one that chooses the connection first.
async fn form(api: &ApiClient, user: &User, typed: &TypedRequest) -> Result<NewRequestScreen, Failed> {
    let frame = Frame::of(user, NavSection::Requests, "New request");
    let rights = &frame.rights;
    let (method, fields) = if typed.connection.is_empty() {
        ("get", vec![connection_field(api, user, rights).await?])
    } else {
        ("post", fields(api, user, rights, typed).await?)
    };
    Ok(NewRequestScreen { frame, method, fields, problem: None })
}

async fn connection_field(api: &ApiClient, user: &User, rights: &Rights) -> Result<FormField, Failed> {
    let (name, label) = ("connection", "Connection");
    if !rights.may(Area::Connections, AccessKind::Read) {
        return Ok(FormField::text(name, label, "").required());
    }
    let path = format!("/api/v1/connection?limit={}", MAX_OFFERED + 1);
    let Connections { connections } = api.call(&user.caller, Method::GET, &path, None).await?;
    if connections.len() > MAX_OFFERED {
        return Ok(FormField::text(name, label, "").required());
    }
    let choices = connections.iter().map(|connection| (&*connection.key, &*connection.key));
    Ok(FormField::new(name, label, Control::Select { choices: FieldChoice::among(choices, "") }).required())
}

async fn fields(
    api: &ApiClient,
    user: &User,
    rights: &Rights,
    typed: &TypedRequest,
) -> Result<Vec<FormField>, Failed> {
    // One that is not found is corrected in the form, with the rest as it was typed.
    let connection = match found_connection(api, user, rights, typed).await {
        Err(problem) if problem.status == 404 => None,
        found => found?,
    };
    let choose = (String::new(), "choose".to_owned());
    let mut wishes = vec![choose, (ERASURE.to_owned(), "Erase the person".to_owned())];
    if let Some(connection) = &connection {
        let path = format!("/api/v1/tenants/{}/notices", segment(&connection.tenant));
        let Notices { notices } = api.call(&user.caller, Method::GET, &path, None).await?;
        wishes.extend(notices.iter().flat_map(|notice| {
            [("opt_out", "Opt the person out of"), ("opt_in", "Opt the person in to")]
                .map(|(value, label)| (format!("{value}:{}", notice.id), format!("{label} {}", notice.name)))
        }));
    }
    let wishes = wishes.iter().map(|(value, label)| (&**value, &**label));
    let wish = Control::Select { choices: FieldChoice::among(wishes, &typed.wish) };
    let mut fields = vec![
        FormField::text("connection", "Connection", &*typed.connection).required(),
        FormField::new("wish", "What the person wants", wish).required(),
    ];
    for kind in kinds(api, user, rights, connection.as_ref(), typed).await? {
        let name = format!("{IDENTIFIER}{kind}");
        let value = typed.fields.get(&name).cloned().unwrap_or_default();
        let label = format!("Identifier: {}", kind.replace('-', " "));
        fields.push(FormField::text(name, label, value));
    }
    Ok(fields)
}

/// Returns the connection; `None` if the key may not read connections.
async fn found_connection(
    api: &ApiClient,
    user: &User,
    rights: &Rights,
    typed: &TypedRequest,
) -> Result<Option<Connection>, Problem> {
    if !rights.may(Area::Connections, AccessKind::Read) {
        return Ok(None);
    }
    let path = format!("/api/v1/connection/{}", segment(&typed.connection));
    Ok(Some(api.call(&user.caller, Method::GET, &path, None).await?))
}

/// Returns the kinds of identifiers that the connection's plugin accepts.
async fn kinds(
    api: &ApiClient,
    user: &User,
    rights: &Rights,
    connection: Option<&Connection>,
    typed: &TypedRequest,
) -> Result<Vec<String>, Failed> {
    let Some(connection) = connection.filter(|_| rights.may(Area::Plugins, AccessKind::Read)) else {
        let typed = typed.identifiers().map(|(kind, _)| kind).filter(|kind| !COMMON_KINDS.contains(kind));
        return Ok(COMMON_KINDS.into_iter().chain(typed).map(str::to_owned).collect());
    };
    let path = format!("/api/v1/plugins/{}", segment(&connection.plugin));
    let Permissions { manifest, .. } = api.call(&user.caller, Method::GET, &path, None).await?;
    Ok(manifest.identifier_kinds.into_iter().map(|kind| kind.name).collect())
}

/// Asks whether the request is meant. Nothing is stored yet.
async fn ask(
    State(api): State<ApiClient>,
    user: User,
    Form(typed): Form<TypedRequest>,
) -> Result<Response, Failed> {
    if typed.identifiers().next().is_none() {
        let problem = "Fill in at least one identifier of the person.".to_owned();
        return refused(&api, &user, &typed, 422, problem).await;
    }
    let Some(wish) = typed.wish() else {
        return refused(&api, &user, &typed, 422, NO_WISH.to_owned()).await;
    };
    let rights = Frame::of(&user, NavSection::Requests, "").rights;
    if let Err(problem) = found_connection(&api, &user, &rights, &typed).await {
        return refused(&api, &user, &typed, problem.status, problem.detail).await;
    }
    let person: Vec<_> = typed.identifiers().map(|(kind, value)| format!("{kind} {value}")).collect();
    let person = format!("The person: {}.", person.join(", "));
    let connection = &typed.connection;
    let (question, what, button, tone) = match wish {
        Wish::Erasure => (
            format!("Erase this person at {connection}?"),
            "The vendor is asked to delete what it has about the person. This cannot be undone.",
            "Erase the person",
            Tone::Danger,
        ),
        Wish::Preference { .. } => (
            format!("Send this choice to {connection}?"),
            "The choice is stored, counts from now, and is applied at the vendor.",
            "Send the choice",
            Tone::Main,
        ),
    };
    let screen = ConfirmScreen {
        frame: Frame::of(&user, NavSection::Requests, question),
        consequences: vec![person, what.to_owned()],
        action: "/requests/new/send".to_owned(),
        kept: typed.kept(),
        button: button.to_owned(),
        tone,
        back: format!("{PATH}?connection={}", segment(connection)),
    };
    Ok(Screen(screen).into_response())
}

async fn send(
    State(api): State<ApiClient>,
    user: User,
    Form(typed): Form<TypedRequest>,
) -> Result<Response, Failed> {
    let Some(wish) = typed.wish() else {
        return refused(&api, &user, &typed, 422, NO_WISH.to_owned()).await;
    };
    let (path, body) = typed.call(&wish);
    match api.call::<AcceptedRequest>(&user.caller, Method::POST, &path, Some(body)).await {
        Ok(accepted) => Ok(Done::RequestStored.at(&format!("/requests/{}", segment(&accepted.id)))),
        Err(Problem { status, detail, .. }) => refused(&api, &user, &typed, status, detail).await,
    }
}

/// Returns the form with what was typed and why it is refused.
async fn refused(
    api: &ApiClient,
    user: &User,
    typed: &TypedRequest,
    status: u16,
    problem: String,
) -> Result<Response, Failed> {
    let screen = NewRequestScreen { problem: Some(problem), ..form(api, user, typed).await? };
    Ok(shown_again(status, screen))
}
