//! Signing in with an API key, and signing out.

use askama::Template;
use axum::{
    Extension, Form, Router,
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use host_api::page::{ApiClient, ClientAddress};
use serde::Deserialize;

use crate::{
    answers::{Screen, unavailable},
    session::Sessions,
    sign_in_address::{Next, PATH},
    state::Page,
};

pub(super) fn routes() -> Router<Page> {
    Router::new().route(PATH, get(show).post(sign_in)).route("/sign-out", post(sign_out))
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInScreen {
    next: String,
    wrong: Option<&'static str>,
}

async fn show(Query(next): Query<Next>) -> Screen<SignInScreen> {
    Screen(SignInScreen { next: next.local(), wrong: None })
}

/// The key is not shown by an error, since it has no `Debug`.
#[derive(Deserialize)]
struct SignIn {
    key: String,
    next: Option<String>,
}

async fn sign_in(
    State(api): State<ApiClient>,
    State(sessions): State<Sessions>,
    client: Option<Extension<ClientAddress>>,
    Form(SignIn { key, next }): Form<SignIn>,
) -> Response {
    let next = Next { next }.local();
    let holder = match api.holder(key.trim().as_bytes()).await {
        Ok(holder) => holder,
        Err(error) => return unavailable(&error),
    };
    let Some(holder) = holder else {
        api.note_refused_sign_in(client.and_then(|Extension(ClientAddress(address))| address));
        let wrong = Some("This API key is unknown or revoked.");
        return (StatusCode::UNAUTHORIZED, Screen(SignInScreen { next, wrong })).into_response();
    };
    match sessions.begin(holder).await {
        Ok(cookie) => ([(header::SET_COOKIE, cookie)], Redirect::to(&next)).into_response(),
        Err(error) => unavailable(&error),
    }
}

async fn sign_out(State(sessions): State<Sessions>, headers: HeaderMap) -> Response {
    match sessions.end(&headers).await {
        Ok(cookie) => ([(header::SET_COOKIE, cookie)], Redirect::to(PATH)).into_response(),
        Err(error) => unavailable(&error),
    }
}
