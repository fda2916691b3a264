//! The person of a request, revealed to a user who may. The answer to the form shows them, so that no address does.

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    routing::post,
};
use host_api::{page::ApiClient, types::people::RevealedPerson};
use http::Method;

use crate::{
    answers::{Failed, Screen},
    frame::{Frame, NavSection},
    state::Page,
    text::segment,
    user::User,
};

pub(super) fn routes() -> Router<Page> {
    Router::new().route("/requests/{id}/reveal", post(reveal))
}

#[derive(Template)]
#[template(path = "revealed.html")]
struct RevealedScreen {
    frame: Frame,
    /// The id of the request, as a part of an address.
    request: String,
    person: RevealedPerson,
}

async fn reveal(
    State(api): State<ApiClient>,
    user: User,
    Path(id): Path<String>,
) -> Result<Screen<RevealedScreen>, Failed> {
    let request = segment(&id);
    let path = format!("/api/v1/requests/{request}/reveal");
    let person = api.call(&user.caller, Method::POST, &path, None).await?;
    let frame = Frame::of(&user, NavSection::Requests, "The person of the request");
    Ok(Screen(RevealedScreen { frame, request, person }))
}
