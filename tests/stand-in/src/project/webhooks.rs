//! System webhooks: made beforehand, changed through the API, shown without token, headers and events.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Project;
use crate::body::Fields;
use crate::clock::later;
use crate::deliveries::{merge_tags, to_loopback};
use crate::refusal::Refusal;
use crate::switches::{PlainEndpoint, TokenDelay, TokenHeader, UnknownWebhook};

/// The id of the webhook that every project has.
pub const FIRST: i64 = 4711;

/// The events that a fresh webhook has ticked: those that tell of consent.
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
    /// Not at all.
    #[default]
    NoAuth,
    /// `Authorization: Basic <token>`.
    Basic,
    /// A fixed token; how it is written is a switch.
    OAuth2,
}

/// The words for it in the API.
pub(crate) const AUTH_TYPES: [&str; 3] = ["NoAuth", "Basic", "OAuth2"];

/// A system webhook.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// Its id.
    pub id: i64,
    /// How it authenticates itself.
    pub auth_type: AuthType,
    /// Where events go; may hold merge tags such as `{{campaignId}}`.
    pub endpoint: String,
    /// Whether events go at all.
    pub enabled: bool,
    /// Whether events of blasts go.
    pub blast_send_enabled: bool,
    /// Whether events of triggered sends go.
    pub triggered_send_enabled: bool,
    /// Fixed headers.
    pub headers: Vec<(String, String)>,
    /// The events ticked in the UI.
    pub events: BTreeSet<String>,
    /// Tokens, each with the time from which deliveries carry it.
    tokens: Vec<(Timestamp, String)>,
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

    /// The token that a delivery carries at `time`.
    pub fn token(&self, time: Timestamp) -> Option<&str> {
        self.tokens.iter().rev().find(|(since, _)| *since <= time).map(|(_, token)| token.as_str())
    }

    /// The token set last, in force or not yet.
    pub fn newest_token(&self) -> Option<&str> {
        self.tokens.last().map(|(_, token)| token.as_str())
    }

    /// The headers of a delivery at `time`.
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
pub(crate) struct Shown<'a> {
    id: i64,
    auth_type: AuthType,
    blast_send_enabled: bool,
    enabled: bool,
    endpoint: &'a str,
    triggered_send_enabled: bool,
    channel_ids: [i64; 0],
    message_type_ids: [i64; 0],
}

impl<'a> From<&'a Webhook> for Shown<'a> {
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

impl Project {
    /// The webhooks.
    pub fn webhooks(&self) -> &[Webhook] {
        &self.webhooks
    }

    /// The webhook with this id, made where it is missing: what a person does in the UI.
    pub fn webhook(&mut self, id: i64) -> &mut Webhook {
        let at = self.webhooks.iter().position(|webhook| webhook.id == id).unwrap_or(self.webhooks.len());
        if at == self.webhooks.len() {
            self.webhooks.push(Webhook::fresh(id));
        }
        // It was found or made just now.
        #[expect(clippy::indexing_slicing, reason = "the position was found or made just above")]
        &mut self.webhooks[at]
    }

    /// Changes the given fields of a webhook, as the API does. A new token goes out only after a while.
    pub(crate) fn change_webhook(&mut self, fields: &Fields<'_>) -> Result<&Webhook, Refusal> {
        let id = fields.required("id", fields.integer("id")?)?;
        let auth_type = fields.word("authType", &AUTH_TYPES)?;
        let token = fields.text("authToken")?;
        let headers = read_headers(fields)?;
        let enabled = fields.bool("enabled")?;
        let blast = fields.bool("blastSendEnabled")?;
        let triggered = fields.bool("triggeredSendEnabled")?;
        let endpoint = fields.text("endpoint")?;
        if let Some(endpoint) = endpoint {
            self.check_endpoint(endpoint)?;
        }
        let in_force = later(
            self.now,
            SignedDuration::from_secs(match self.switches.token_delay {
                TokenDelay::None => 0,
                TokenDelay::OneMinute => 60,
            }),
        );
        let unknown = match self.switches.unknown_webhook {
            UnknownWebhook::BadParams => Refusal::BadParams(format!("No webhook {id}")),
            UnknownWebhook::NotFound => Refusal::NoSuchWebhook(id),
        };
        let webhook = self.webhooks.iter_mut().find(|webhook| webhook.id == id).ok_or(unknown)?;
        match auth_type {
            Some("Basic") => webhook.auth_type = AuthType::Basic,
            Some("OAuth2") => webhook.auth_type = AuthType::OAuth2,
            Some(_) => webhook.auth_type = AuthType::NoAuth,
            None => {}
        }
        webhook.tokens.extend(token.map(|token| (in_force, token.to_owned())));
        webhook.headers = headers.unwrap_or_else(|| std::mem::take(&mut webhook.headers));
        webhook.enabled = enabled.unwrap_or(webhook.enabled);
        webhook.blast_send_enabled = blast.unwrap_or(webhook.blast_send_enabled);
        webhook.triggered_send_enabled = triggered.unwrap_or(webhook.triggered_send_enabled);
        if let Some(endpoint) = endpoint {
            endpoint.clone_into(&mut webhook.endpoint);
        }
        Ok(webhook)
    }

    fn check_endpoint(&self, endpoint: &str) -> Result<(), Refusal> {
        let plain = self.switches.plain_endpoint == PlainEndpoint::Loopback && to_loopback(endpoint);
        if endpoint.starts_with("https://") || plain {
            return Ok(());
        }
        Err(Refusal::BadParams("Webhook endpoints must use https".to_owned()))
    }
}

type Headers = Vec<(String, String)>;

fn read_headers(fields: &Fields<'_>) -> Result<Option<Headers>, Refusal> {
    let Some(items) = fields.objects("headers")? else { return Ok(None) };
    let read = |item: &Fields<'_>| {
        let name = item.required("key", item.text("key")?)?;
        let value = item.required("value", item.text("value")?)?;
        Ok((name.to_owned(), value.to_owned()))
    };
    items.iter().map(read).collect::<Result<_, _>>().map(Some)
}
