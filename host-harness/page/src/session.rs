//! Sessions: an API key is exchanged for a cookie. How a session began is known only to the screen that signs in.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, header};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use cookie::{Cookie, SameSite};
use host_harness::clock::Clock;
use host_model::time::millis;
use host_service::settings::page::PageConfig;
use host_store::{
    ApiKey, Store, StoreError,
    page_sessions::{self, SessionLifetime},
};
use serde::{Deserialize, Serialize};

use crate::live::is_refresh;

/// The prefix binds the cookie to this host, to TLS (loopback counts) and to every path.
const COOKIE: &str = "__Host-connector-host";

/// What the content of the cookie is sealed for.
const CONTEXT: &str = "page session";

/// Begins, finds and ends sessions. Clones share them.
#[derive(Clone)]
pub(crate) struct Sessions {
    store: Store,
    clock: Arc<dyn Clock>,
    lifetime: SessionLifetime,
}

/// The sealed content of the cookie.
#[derive(Serialize, Deserialize)]
struct Ticket {
    session: String,
    api_key: String,
}

impl Sessions {
    pub(crate) fn new(store: Store, clock: Arc<dyn Clock>, settings: &PageConfig) -> Self {
        let lifetime =
            SessionLifetime { idle_ms: millis(settings.idle), total_ms: millis(settings.lifetime) };
        Self { store, clock, lifetime }
    }

    /// Returns how long a session may be unused, in seconds.
    pub(crate) fn idle_seconds(&self) -> u64 {
        u64::try_from(self.lifetime.idle_ms / 1_000).unwrap_or_default()
    }

    /// Begins a session of `key`. Returns the header that sets its cookie.
    pub(crate) async fn begin(&self, key: ApiKey) -> Result<HeaderValue, StoreError> {
        let mut id = [0; 32];
        getrandom::fill(&mut id).map_err(|_| host_store::Unsealable)?;
        let ticket = Ticket { session: hex::encode(id), api_key: key.id.clone() };
        let vault = self.store.vault().clone();
        let sealed = vault.seal_json(CONTEXT, &ticket)?;
        let at = self.clock.date_ms();
        let begun = self.store.write(move |tx| {
            Box::pin(async move { page_sessions::begin(tx, &vault, at, &ticket.session, &key).await })
        });
        begun.await?;
        Ok(set(BASE64_URL_SAFE_NO_PAD.encode(sealed)))
    }

    /// Ends the session of a request, if it has one. Returns the header that deletes the cookie.
    pub(crate) async fn end(&self, headers: &HeaderMap) -> Result<HeaderValue, StoreError> {
        if let Some((ticket, key)) = self.find(headers).await? {
            let (vault, at) = (self.store.vault().clone(), self.clock.date_ms());
            let ended = self.store.write(move |tx| {
                Box::pin(async move { page_sessions::end(tx, &vault, at, &ticket.session, &key).await })
            });
            ended.await?;
        }
        Ok(set(String::new()))
    }

    /// Returns the API key of a request's session; `None` if it has none, or it has ended.
    pub(crate) async fn key(&self, headers: &HeaderMap) -> Result<Option<ApiKey>, StoreError> {
        Ok(self.find(headers).await?.map(|(_, key)| key))
    }

    /// Returns the current time, in milliseconds since the Unix epoch.
    pub(crate) fn now(&self) -> i64 {
        self.clock.date_ms()
    }

    /// Returns the session of a request and its API key; `None` if it has none, or it has ended.
    async fn find(&self, headers: &HeaderMap) -> Result<Option<(Ticket, ApiKey)>, StoreError> {
        let Some(ticket) = self.ticket(headers) else { return Ok(None) };
        let (at, lifetime, vault) = (self.clock.date_ms(), self.lifetime, self.store.vault().clone());
        let (id, key) = (ticket.session.clone(), ticket.api_key.clone());
        let found = self.store.read(move |connection| {
            Box::pin(async move {
                let holder = page_sessions::holder(connection, &vault, at, lifetime, &id, &key).await?;
                Ok((holder, page_sessions::is_use_due(connection, at, &id).await?))
            })
        });
        let (holder, is_due) = found.await?;
        let Some(holder) = holder else { return Ok(None) };
        // A screen that refreshes itself is not used by anyone, so that a session which is left open ends.
        if is_due && !is_refresh(headers) {
            let id = ticket.session.clone();
            let used = self.store.write(move |tx| {
                Box::pin(async move { page_sessions::record_use(tx, at, lifetime, &id).await })
            });
            used.await?;
        }
        Ok(Some((ticket, holder)))
    }

    fn ticket(&self, headers: &HeaderMap) -> Option<Ticket> {
        let sent = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let cookie = sent.flat_map(Cookie::split_parse).flatten().find(|cookie| cookie.name() == COOKIE)?;
        let sealed = BASE64_URL_SAFE_NO_PAD.decode(cookie.value()).ok()?;
        self.store.vault().open_json(CONTEXT, &sealed).ok()
    }
}

/// Returns the header that sets the cookie, or deletes it if `value` is empty. The cookie ends with the browser, and the
/// session at the latest with its lifetime.
fn set(value: String) -> HeaderValue {
    let mut cookie = Cookie::build((COOKIE, value))
        .path("/")
        .secure(true)
        .http_only(true)
        // A link from elsewhere, such as an alarm's, arrives signed in. It can only look: changes need this site's origin.
        .same_site(SameSite::Lax)
        .build();
    if cookie.value().is_empty() {
        cookie.make_removal();
    }
    HeaderValue::from_str(&cookie.to_string()).unwrap_or(HeaderValue::from_static(""))
}
