//! API keys: what each may do and with what data. One is revoked after a question.

use std::collections::BTreeSet;

use askama::Template;
use axum::{
    Router,
    extract::{Path, Query, State},
    response::{IntoResponse as _, Response},
    routing::get,
};
use host_api::{
    page::ApiClient,
    types::api_keys::{ApiKey, ApiKeyPage},
};
use http::Method;
use serde::Deserialize;

use crate::{
    answers::{Failed, Screen, not_found},
    confirm::{ConfirmScreen, Tone},
    done::Done,
    frame::{Frame, NavSection},
    state::Page,
    text::{Time, segment},
    user::User,
};

/// How many keys a screen shows: with more, it would exceed 100 KB together with everything that it loads.
const PAGE: usize = 30;

pub(super) fn routes() -> Router<Page> {
    Router::new().route("/keys", get(list)).route("/keys/{id}/revoke", get(ask).post(revoke))
}

/// A key as the screen shows it.
struct KeyRow {
    id: String,
    name: String,
    /// Its role, or its scopes if no role has exactly these.
    may: String,
    /// The data that it can access.
    reach: String,
    created: Time,
    revoked: Option<Time>,
    /// Whether the user is signed in with it.
    is_own: bool,
}

impl KeyRow {
    fn of(key: ApiKey, user: &User) -> Self {
        let may = match key.role {
            Some(role) => role.to_string(),
            None => key.scopes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        };
        Self {
            is_own: key.id == user.caller.key.id,
            reach: reach(key.tenants.as_ref(), key.connections.as_ref()),
            id: key.id,
            name: key.name,
            may,
            created: Time::at(key.created_at),
            revoked: key.revoked_at.map(Time::at),
        }
    }
}

/// The data that a key can access, in words.
fn reach(tenants: Option<&BTreeSet<String>>, connections: Option<&BTreeSet<String>>) -> String {
    let list = |names: &BTreeSet<String>| Vec::from_iter(names.clone()).join(", ");
    match (tenants, connections) {
        (None, _) => "all tenants".to_owned(),
        (Some(tenants), None) => list(tenants),
        (Some(tenants), Some(connections)) => format!("{} of {}", list(connections), list(tenants)),
    }
}

#[derive(Template)]
#[template(path = "keys.html")]
struct KeysScreen {
    frame: Frame,
    keys: Vec<KeyRow>,
    /// The address of the next screen, if there may be one.
    older: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Paging {
    before: String,
}

async fn page(api: &ApiClient, user: &User, before: &str) -> Result<Vec<ApiKey>, Failed> {
    let before = if before.is_empty() { String::new() } else { format!("&before={}", segment(before)) };
    let path = format!("/api/v1/api-keys?limit={PAGE}{before}");
    let ApiKeyPage { api_keys } = api.call(&user.caller, Method::GET, &path, None).await?;
    Ok(api_keys)
}

async fn list(
    State(api): State<ApiClient>,
    user: User,
    Query(Paging { before }): Query<Paging>,
) -> Result<Screen<KeysScreen>, Failed> {
    let keys = page(&api, &user, &before).await?;
    let last = keys.last().filter(|_| keys.len() == PAGE);
    let older = last.map(|last| format!("/keys?before={}", segment(&last.id)));
    let frame = Frame::of(&user, NavSection::Keys, "API keys");
    let keys = keys.into_iter().map(|key| KeyRow::of(key, &user)).collect();
    Ok(Screen(KeysScreen { frame, keys, older }))
}

/// The key in use with this id, if the user can see it.
async fn in_use(api: &ApiClient, user: &User, id: &str) -> Result<Option<ApiKey>, Failed> {
    let mut before = String::new();
    loop {
        let keys = page(api, user, &before).await?;
        let Some(last) = keys.last() else { return Ok(None) };
        before.clone_from(&last.id);
        let found = keys.into_iter().find(|key| key.id == id && key.revoked_at.is_none());
        if found.is_some() {
            return Ok(found);
        }
    }
}

async fn ask(
    State(api): State<ApiClient>,
    user: User,
    Path(id): Path<String>,
) -> Result<Screen<ConfirmScreen>, Response> {
    let found = in_use(&api, &user, &id).await.map_err(Failed::into_response)?;
    let key = KeyRow::of(found.ok_or_else(not_found)?, &user);
    let mut consequences = vec![
        format!("The key may do this: {}. It can access: {}.", key.may, key.reach),
        "Its requests are refused from now on, and its sessions on this page end. This cannot be undone."
            .to_owned(),
    ];
    if key.is_own {
        consequences.push("You are signed in with this key, so you will be signed out.".to_owned());
    }
    Ok(Screen(ConfirmScreen {
        frame: Frame::of(&user, NavSection::Keys, format!("Revoke the API key {}?", key.name)),
        consequences,
        action: format!("/keys/{}/revoke", segment(&id)),
        kept: Vec::new(),
        button: "Revoke the key".to_owned(),
        tone: Tone::Danger,
        back: "/keys".to_owned(),
    }))
}

async fn revoke(
    State(api): State<ApiClient>,
    user: User,
    Path(id): Path<String>,
) -> Result<Response, Failed> {
    let path = format!("/api/v1/api-keys/{}/revoke", segment(&id));
    let _revoked: ApiKey = api.call(&user.caller, Method::POST, &path, None).await?;
    Ok(Done::KeyRevoked.at("/keys"))
}
