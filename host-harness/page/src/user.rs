//! Who uses the page, and when.

use axum::{
    extract::{FromRef, FromRequestParts},
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Redirect, Response},
};
use host_api::page::{ClientAddress, PageUser};

use crate::{
    answers::unavailable, done::Done, live, session::Sessions, sign_in_address::address_before, state::Page,
};

/// A user who is signed in. A request without a session is sent to the sign-in screen, which returns to it.
pub(crate) struct User {
    pub(crate) caller: PageUser,
    /// What the user has just done, if it led here.
    pub(crate) done: Option<Done>,
    /// How long the session may be unused, in seconds.
    pub(crate) idle_seconds: u64,
}

impl FromRequestParts<Page> for User {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, page: &Page) -> Result<Self, Response> {
        let sessions = Sessions::from_ref(page);
        match sessions.key(&parts.headers).await {
            Ok(Some(key)) => {
                let address = parts.extensions.get::<ClientAddress>().and_then(|client| client.0);
                let done = Done::of(parts.uri.query());
                Ok(Self { caller: PageUser { key, address }, done, idle_seconds: sessions.idle_seconds() })
            }
            // The screen that is refreshed is loaded again, which leads to the sign-in screen.
            Ok(None) if live::is_refresh(&parts.headers) => Err(StatusCode::UNAUTHORIZED.into_response()),
            Ok(None) => {
                let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
                let target = if parts.method.is_safe() { target } else { "/" };
                Err(Redirect::to(&address_before(target)).into_response())
            }
            Err(error) => Err(unavailable(&error)),
        }
    }
}

/// The current time, in milliseconds since the Unix epoch.
pub(crate) struct Now(pub(crate) i64);

impl FromRequestParts<Page> for Now {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(_parts: &mut Parts, page: &Page) -> Result<Self, Self::Rejection> {
        Ok(Self(Sessions::from_ref(page).now()))
    }
}
