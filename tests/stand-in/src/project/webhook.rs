//! A system webhook. The API shows it without token, headers and events.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::endpoint::merge_tags;
use crate::switches::TokenHeader;

/// The id of the webhook that every project has.
pub const FIRST: i64 = 4711;

/// The events that a new webhook has selected: those about consent.
const TICKED: [&str; 6] = [
    "emailSubscribe",
    "emailUnSubscribe",
    "hostedUnsubscribeClick",
    "emailComplaint",
    "emailBounce",
    "smsReceived",
];

/// How a webhook authenticates itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuthType {
    /// No authentication.
    #[default]
    NoAuth,
    /// `Authorization: Basic <token>`.
    Basic,
    /// A fixed token. The switch `token_header` determines its form.
    OAuth2,
}

/// The API's names for the values of [`AuthType`].
pub(crate) const AUTH_TYPES: [&str; 3] = ["NoAuth", "Basic", "OAuth2"];

/// A system webhook.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// Its id.
    pub id: i64,
    /// How it authenticates itself.
    pub auth_type: AuthType,
    /// Where events are sent. It may contain merge tags such as `{{campaignId}}`.
    pub endpoint: String,
    /// Whether events are sent at all.
    pub enabled: bool,
    /// Whether events of blasts are sent.
    pub blast_send_enabled: bool,
    /// Whether events of triggered sends are sent.
    pub triggered_send_enabled: bool,
    /// Fixed headers.
    pub headers: Vec<(String, String)>,
    /// The events selected in the UI.
    pub events: BTreeSet<String>,
    /// Tokens, each with the time from which deliveries carry it.
    pub(super) tokens: Vec<(Timestamp, String)>,
}

impl Webhook {
    pub(crate) fn fresh(id: i64) -> Self {
        Self {
            id,
            auth_type: AuthType::NoAuth,
            endpoint: "https://hooks.example.com/iterable".to_owned(),
            enabled: true,
            blast_send_enabled: true,
            triggered_send_enabled: true,
            headers: Vec::new(),
            events: TICKED.map(str::to_owned).into(),
            tokens: Vec::new(),
        }
    }

    /// Sets the token that deliveries carry from now on.
    pub fn set_token(&mut self, token: impl Into<String>) {
        self.tokens = vec![(Timestamp::MIN, token.into())];
    }

    /// Returns the token that a delivery carries at `time`.
    pub fn token(&self, time: Timestamp) -> Option<&str> {
        self.tokens.iter().rev().find(|(since, _)| *since <= time).map(|(_, token)| token.as_str())
    }

    /// Returns the latest token, even if it is not in force yet.
    pub fn newest_token(&self) -> Option<&str> {
        self.tokens.last().map(|(_, token)| token.as_str())
    }

    /// Returns the headers of a delivery at `time`.
    pub(crate) fn delivery_headers(&self, form: TokenHeader, time: Timestamp) -> Vec<(String, String)> {
        let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        let form = match self.auth_type {
            AuthType::NoAuth => TokenHeader::Absent,
            AuthType::Basic => TokenHeader::Basic,
            AuthType::OAuth2 => form,
        };
        let value = self.token(time).and_then(|token| match form {
            TokenHeader::Oauth2 => Some(format!("OAuth2 {token}")),
            TokenHeader::Bearer => Some(format!("Bearer {token}")),
            TokenHeader::Basic => Some(format!("Basic {token}")),
            TokenHeader::Bare => Some(token.to_owned()),
            TokenHeader::Absent => None,
        });
        headers.extend(value.map(|value| ("authorization".to_owned(), value)));
        headers.extend(self.headers.iter().map(|(name, value)| (name.to_lowercase(), value.clone())));
        headers
    }

    pub(crate) fn url(&self, event: &Value) -> String {
        merge_tags(&self.endpoint, event)
    }
}

/// A webhook as the API shows it: no token, no headers, no events.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WebhookView<'a> {
    id: i64,
    auth_type: AuthType,
    blast_send_enabled: bool,
    enabled: bool,
    endpoint: &'a str,
    triggered_send_enabled: bool,
    channel_ids: [i64; 0],
    message_type_ids: [i64; 0],
}

impl<'a> From<&'a Webhook> for WebhookView<'a> {
    fn from(webhook: &'a Webhook) -> Self {
        Self {
            id: webhook.id,
            auth_type: webhook.auth_type,
            blast_send_enabled: webhook.blast_send_enabled,
            enabled: webhook.enabled,
            endpoint: &webhook.endpoint,
            triggered_send_enabled: webhook.triggered_send_enabled,
            channel_ids: [],
            message_type_ids: [],
        }
    }
}
