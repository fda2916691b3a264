//! Creating an API key. Its text is shown once, by the answer to the form.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use axum::{
    Form, Router,
    extract::State,
    response::{IntoResponse as _, Response},
    routing::get,
};
use host_api::{
    page::ApiClient,
    types::{
        api_keys::{ApiKey, CreatedApiKey},
        problem::Problem,
    },
};
use host_model::{role::Role, scope::Scope};
use http::Method;
use serde_json::{Value, json};

use crate::{
    answers::{Failed, Screen, shown_again},
    form::{Control, FieldChoice, FormField},
    frame::{Frame, NavSection},
    state::Page,
    user::User,
};

/// The choice that stands for a list of scopes in place of a role.
const SCOPES: &str = "scopes";

const ROLES: [(&str, &str); 5] = [
    ("viewer", "Viewer: reads everything"),
    ("operator", "Operator: also requests, consent, webhook tokens and connections"),
    ("approver", "Approver: also plugins, and acts on many requests"),
    ("administrator", "Administrator: everything"),
    (SCOPES, "Only the scopes that are chosen below"),
];

/// Why a form with a role and scopes is not accepted: it would be read as one or the other.
const SCOPES_BESIDE_ROLE: &str = "scopes are ticked, and a role is chosen too, which has scopes of its own. Untick them, or choose \
                                  \"Only the scopes that are chosen below\".";

pub(super) fn routes() -> Router<Page> {
    Router::new().route("/keys/new", get(show).post(create))
}

/// What was typed, by the names of the fields.
type TypedKey = BTreeMap<String, String>;

#[derive(Template)]
#[template(path = "new_key.html")]
struct NewKeyScreen {
    frame: Frame,
    fields: Vec<FormField>,
    /// A checkbox for each scope.
    scopes: Vec<FormField>,
    /// What is wrong with the form as a whole.
    wrong: Option<String>,
}

#[derive(Template)]
#[template(path = "created_key.html")]
struct CreatedKeyScreen {
    frame: Frame,
    text: String,
    key: ApiKey,
}

/// The name of a scope's checkbox.
fn scope_field(scope: Scope) -> String {
    format!("scope-{scope}").replace(':', "-")
}

impl NewKeyScreen {
    /// Returns the form with what was typed, and what is wrong with it.
    fn of(user: &User, typed: &TypedKey, problem: Option<Problem>) -> Self {
        let value = |name: &str| typed.get(name).cloned().unwrap_or_default();
        let error = |name: &str| {
            let errors = problem.iter().flat_map(|problem| &problem.errors);
            let of_field: Vec<_> =
                errors.filter(|error| error.field == name).map(|error| error.message.clone()).collect();
            (!of_field.is_empty()).then(|| of_field.join(" "))
        };
        let role = if value("role").is_empty() { "viewer".to_owned() } else { value("role") };
        // At most what the user's own key has can be given.
        let own = &user.caller.key.grant.scopes;
        let is_own = |role: &Role| own.include(&role.scopes());
        let roles =
            ROLES.into_iter().filter(|(name, _)| name.parse::<Role>().ok().as_ref().is_none_or(is_own));
        let roles = Control::Select { choices: FieldChoice::among(roles, &role) };
        let fields = vec![
            FormField::text("name", "Name", value("name"))
                .required()
                .hint("Lower-case words and digits with single dashes between them, such as ada-ops.")
                .error(error("name")),
            FormField::new("role", "Role", roles).required().error(error("role").or_else(|| error("scopes"))),
            FormField::text("tenants", "Tenants", value("tenants"))
                .hint("The tenants that it can access, with spaces between them; all if empty.")
                .error(error("tenants")),
            FormField::text("connections", "Connections", value("connections"))
                .hint("The connections of these tenants that it can access; all if empty.")
                .error(error("connections")),
            FormField::text("callback_hosts", "Callback hosts", value("callback_hosts"))
                .hint("The hosts to which its requests may have their end posted; none if empty.")
                .error(error("callback_hosts")),
        ];
        let checkbox = |scope: Scope| {
            let name = scope_field(scope);
            let is_checked = typed.contains_key(&name);
            FormField::new(name, scope.to_string(), Control::Checkbox { is_checked })
        };
        let wrong = problem.filter(|problem| problem.errors.is_empty()).map(|problem| problem.detail);
        let frame = Frame::of(user, NavSection::Keys, "Create an API key");
        Self {
            frame,
            fields,
            scopes: Scope::all().filter(|scope| own.contains(*scope)).map(checkbox).collect(),
            wrong,
        }
    }
}

/// The body that creates the key.
fn body(typed: &TypedKey) -> Value {
    let value = |name: &str| typed.get(name).map_or("", |value| value.trim());
    let names = |name: &str| -> Option<BTreeSet<&str>> {
        let names: BTreeSet<&str> =
            value(name).split([' ', ',']).map(str::trim).filter(|name| !name.is_empty()).collect();
        (!names.is_empty()).then_some(names)
    };
    let scopes: Vec<String> = Scope::all()
        .filter(|scope| typed.contains_key(&scope_field(*scope)))
        .map(|scope| scope.to_string())
        .collect();
    let (role, scopes) =
        if value("role") == SCOPES { (None, Some(scopes)) } else { (Some(value("role")), None) };
    json!({
        "name": value("name"), "role": role, "scopes": scopes, "tenants": names("tenants"),
        "connections": names("connections"), "callback_hosts": names("callback_hosts").unwrap_or_default(),
    })
}

async fn show(user: User) -> Screen<NewKeyScreen> {
    Screen(NewKeyScreen::of(&user, &TypedKey::new(), None))
}

async fn create(
    State(api): State<ApiClient>,
    user: User,
    Form(typed): Form<TypedKey>,
) -> Result<Response, Failed> {
    let has_scopes = Scope::all().any(|scope| typed.contains_key(&scope_field(scope)));
    if has_scopes && typed.get("role").is_some_and(|role| role != SCOPES) {
        let mut screen = NewKeyScreen::of(&user, &typed, None);
        screen.wrong = Some(SCOPES_BESIDE_ROLE.to_owned());
        return Ok(shown_again(422, screen));
    }
    let asked = api.call(&user.caller, Method::POST, "/api/v1/api-keys", Some(body(&typed))).await;
    match asked {
        Ok(CreatedApiKey { key: text, api_key: key }) => {
            let frame = Frame::of(&user, NavSection::Keys, format!("The API key {} is created", key.name));
            Ok(Screen(CreatedKeyScreen { frame, text, key }).into_response())
        }
        Err(problem) => Ok(shown_again(problem.status, NewKeyScreen::of(&user, &typed, Some(problem)))),
    }
}
