//! A person, found by an identifier that is typed into a form. The answer to the form shows what is known, so that no address,
//! title or log line contains the identifier.

use std::collections::BTreeSet;

use askama::Template;
use axum::{
    Form, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::get,
};
use host_api::{
    page::ApiClient,
    types::{
        consent::Choice as ConsentChoice,
        erasure::ReceiptStatus,
        people::{ChoiceOrigin, KnownChoice, KnownNoticeChoice, PersonAtConnection, PersonReport},
        plugins::{Permissions, Plugin, Plugins},
        problem::Problem,
        requests::{ListedRequest, Outcome},
    },
};
use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::shown_request::ShownRequest;
use crate::{
    answers::{Failed, Screen},
    form::{Control, FieldChoice, FormField},
    frame::{Frame, NavSection},
    state::Page,
    text::{Time, segment},
    user::User,
};

/// The kinds of identifier that vendors and platforms usually know. The plugins may accept others.
const KINDS: [(&str, &str); 3] =
    [("email", "Email address"), ("user-id", "User id"), ("phone", "Phone number")];

/// How many requests are shown of each connection, the newest first.
const SHOWN: usize = 5;

pub(super) fn routes() -> Router<Page> {
    Router::new().route("/person", get(show).post(find))
}

/// What was typed. It has no `Debug`, since it names a person.
#[derive(Default, Deserialize)]
#[serde(default)]
struct PersonSearch {
    kind: String,
    value: String,
    tenant: String,
}

impl PersonSearch {
    fn fields(&self, kinds: &BTreeSet<String>, error: Option<String>) -> Vec<FormField> {
        let others = kinds.iter().filter(|kind| KINDS.iter().all(|(known, _)| known != kind));
        let kinds = KINDS.into_iter().chain(others.map(|kind| (&**kind, &**kind)));
        let kinds = Control::Select { choices: FieldChoice::among(kinds, &self.kind) };
        vec![
            FormField::new("kind", "Kind of identifier", kinds).required(),
            FormField::text("value", "Identifier", &self.value).required().error(error),
            FormField::text("tenant", "Tenant", &self.tenant).hint("Only at the connections of this tenant."),
        ]
    }
}

#[derive(Template)]
#[template(path = "person.html")]
struct PersonScreen {
    frame: Frame,
    fields: Vec<FormField>,
    /// What is known at each connection; `None` before the form is sent.
    found: Option<Vec<KnownAt>>,
}

/// What is known of the person at one connection, as the screen shows it.
struct KnownAt {
    connection: String,
    tenant: String,
    erased: Option<Time>,
    /// Whether an erasure was carried out since: its outcome says that the person is gone.
    is_proven: bool,
    requests: Vec<ShownRequest>,
    /// How many older requests there are.
    older: usize,
    choices: Vec<ChoiceRow>,
    /// Whether the user may see choices.
    shows_choices: bool,
}

/// A choice as the screen shows it.
struct ChoiceRow {
    what: String,
    choice: &'static str,
    made: Option<Time>,
    origin: &'static str,
}

impl From<KnownChoice> for ChoiceRow {
    fn from(KnownChoice { item, choice, chosen_at_ms, origin, .. }: KnownChoice) -> Self {
        let origin = match origin {
            ChoiceOrigin::Platform => "the platform",
            ChoiceOrigin::Vendor => "the vendor",
            ChoiceOrigin::Reading => "a reading at the vendor",
            ChoiceOrigin::Merged => "a record that several people shared",
        };
        Self { what: item.to_string(), choice: words(choice), made: made(chosen_at_ms), origin }
    }
}

impl From<KnownNoticeChoice> for ChoiceRow {
    fn from(KnownNoticeChoice { notice_id, choice, chosen_at_ms }: KnownNoticeChoice) -> Self {
        let what = format!("notice {notice_id}");
        Self { what, choice: words(choice), made: made(chosen_at_ms), origin: "the platform" }
    }
}

fn words(choice: ConsentChoice) -> &'static str {
    match choice {
        ConsentChoice::OptIn => "opted in",
        ConsentChoice::OptOut => "opted out",
    }
}

/// The time of a choice; `None` if it is not known.
fn made(chosen_at_ms: u64) -> Option<Time> {
    i64::try_from(chosen_at_ms).ok().filter(|ms| *ms > 0).map(Time::at)
}

impl KnownAt {
    fn of(at: PersonAtConnection) -> Self {
        let PersonAtConnection { connection, tenant, erased_at, requests, choices, notices } = at;
        let shows_choices = choices.is_some();
        let items = choices.into_iter().flatten().map(ChoiceRow::from);
        let notices = notices.into_iter().flatten().map(ChoiceRow::from);
        let is_proof = |listed: &ListedRequest| {
            let request = &listed.request;
            let is_after = request.finished_at >= erased_at;
            is_after
                && matches!(&request.outcome, Some(Outcome::Receipt(receipt)) if receipt.status == ReceiptStatus::Erased)
        };
        Self {
            connection,
            tenant,
            erased: erased_at.map(Time::at),
            is_proven: requests.iter().any(is_proof),
            older: requests.len().saturating_sub(SHOWN),
            requests: requests.into_iter().take(SHOWN).map(Into::into).collect(),
            choices: items.chain(notices).collect(),
            shows_choices,
        }
    }
}

fn frame(user: &User) -> Frame {
    Frame::of(user, NavSection::People, "Find a person")
}

async fn show(State(api): State<ApiClient>, user: User) -> Result<Screen<PersonScreen>, Failed> {
    let fields = PersonSearch::default().fields(&kinds(&api, &user).await?, None);
    Ok(Screen(PersonScreen { frame: frame(&user), fields, found: None }))
}

/// Returns the kinds of identifiers that plugins accept; none if the key may not read plugins.
async fn kinds(api: &ApiClient, user: &User) -> Result<BTreeSet<String>, Failed> {
    let mut kinds = BTreeSet::new();
    if !frame(user).rights.read_plugins() {
        return Ok(kinds);
    }
    let Plugins { plugins, .. } = api.call(&user.caller, Method::GET, "/api/v1/plugins", None).await?;
    for Plugin { name, .. } in plugins {
        let path = format!("/api/v1/plugins/{}", segment(&name));
        let Permissions { manifest, .. } = match api.call(&user.caller, Method::GET, &path, None).await {
            // It does not load.
            Err(Problem { status: 404, .. }) => continue,
            permissions => permissions?,
        };
        kinds.extend(manifest.identifier_kinds.into_iter().map(|kind| kind.name));
    }
    Ok(kinds)
}

async fn find(
    State(api): State<ApiClient>,
    user: User,
    Form(search): Form<PersonSearch>,
) -> Result<Response, Failed> {
    let (value, tenant) = (search.value.trim(), search.tenant.trim());
    let kinds = kinds(&api, &user).await?;
    if value.is_empty() {
        let fields = search.fields(&kinds, Some("Type the identifier.".to_owned()));
        let screen = PersonScreen { frame: frame(&user), fields, found: None };
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, Screen(screen)).into_response());
    }
    let tenant = (!tenant.is_empty()).then_some(tenant);
    let body = json!({"identity": {&*search.kind: value}, "tenant": tenant});
    let asked = api.call(&user.caller, Method::POST, "/api/v1/people/find", Some(body)).await;
    let PersonReport { connections } = asked?;
    let found = connections.into_iter().map(KnownAt::of).collect();
    // The identifier is not sent back: the result may be left open on a desk.
    let fields = PersonSearch { kind: search.kind, ..PersonSearch::default() }.fields(&kinds, None);
    Ok(Screen(PersonScreen { frame: frame(&user), fields, found: Some(found) }).into_response())
}
