//! The setup of a connection's webhook: each step, checked by what the service itself knows.
//! Tested in `api/src/tests/webhook_setup.rs`.

use std::net::IpAddr;

use host_harness::plugin::Plugin;
use host_model::{
    contract::Interface,
    token::{TokenState, TokenView},
};
use host_store::{
    StoreError,
    deliveries::{self, DeliverySummary},
};
use url::{Host, Url};

use super::receive::Webhooks;
use crate::connections::owned::OwnedConnection;

/// The setting with the vendor's id of the webhook, of connectors that install tokens.
pub const WEBHOOK_ID: &str = "webhook-id";

/// A step of the setup, in the order in which they are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetupStep {
    /// The URL to enter at the vendor is known.
    Address,
    /// The vendor reaches the URL.
    Reachable,
    /// The webhook exists at the vendor with the right settings.
    Webhook,
    /// The connection knows the vendor's id of the webhook.
    WebhookId,
    /// There is a token that deliveries may carry.
    Token,
    /// The vendor has the newest token.
    TokenAtVendor,
    /// Choices arrive.
    Choices,
}

/// Whether a step is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetupState {
    /// It is done.
    Done,
    /// Something is left to do.
    Open,
    /// The service cannot know yet.
    Unknown,
}

/// What is known of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedStep {
    /// The step.
    pub step: SetupStep,
    /// Whether it is done.
    pub state: SetupState,
    /// Why, and what to do if it is not done.
    pub why: String,
    /// When that happened, in milliseconds since the Unix epoch; `None` if there is no such time.
    pub at: Option<i64>,
}

/// The setup of a connection's webhook.
#[derive(Clone, Debug)]
pub struct WebhookSetup {
    /// The URL to enter at the vendor; `None` if it is unknown.
    pub url: Option<String>,
    /// Where to enter it, and with which settings.
    pub at_vendor: &'static str,
    /// The steps, in the order in which they are taken.
    pub steps: Vec<CheckedStep>,
    /// When the host next sends the vendor a new token; `None` if it will not.
    pub next_rotation_at: Option<i64>,
    /// What has arrived.
    pub deliveries: DeliverySummary,
}

impl Webhooks {
    /// Returns the setup of the webhook of `owned`. Asks no vendor.
    pub async fn setup(&self, owned: &OwnedConnection) -> Result<WebhookSetup, StoreError> {
        let (tenant, key) = (owned.spec.tenant.0.clone(), owned.spec.key.clone());
        let tokens = self.tokens.list(&key).await?;
        let calls = self.served.calls(&key).ok();
        let summary =
            self.store.read(move |c| Box::pin(async move { deliveries::summary(c, &tenant, &key).await }));
        let known = KnownSetup {
            url: owned.for_calls(self.served.public_url()).webhook_url,
            webhook_id: owned.spec.settings.get(WEBHOOK_ID),
            plugin: calls.as_ref().map(|calls| &**calls.plugin()),
            tokens: tokens.iter().filter(|token| token.is_accepted(self.clock.date_ms())).collect(),
            deliveries: summary.await?,
        };
        Ok(WebhookSetup {
            at_vendor: at_vendor(known.plugin),
            steps: known.steps(),
            next_rotation_at: self.tokens.next_rotation(&tokens),
            deliveries: known.deliveries,
            url: known.url,
        })
    }
}

/// What the service knows of a webhook.
struct KnownSetup<'a> {
    url: Option<String>,
    webhook_id: Option<&'a String>,
    /// `None` if the connection is not served now.
    plugin: Option<&'a Plugin>,
    /// The accepted ones, oldest first.
    tokens: Vec<&'a TokenView>,
    deliveries: DeliverySummary,
}

impl KnownSetup<'_> {
    fn steps(&self) -> Vec<CheckedStep> {
        vec![
            self.address(),
            self.reachable(),
            self.webhook(),
            self.webhook_id(),
            self.token(),
            self.token_at_vendor(),
            self.choices(),
        ]
    }

    fn address(&self) -> CheckedStep {
        match &self.url {
            Some(_) => done(SetupStep::Address, "enter this URL at the vendor"),
            None => open(
                SetupStep::Address,
                "the service does not know its own address: set `service.public-url` in its configuration, or \
                 `webhook_url` of the connection",
            ),
        }
    }

    fn reachable(&self) -> CheckedStep {
        let step = SetupStep::Reachable;
        if let Some(at) = self.deliveries.last_received_at {
            return done_at(step, "the vendor's last delivery arrived", at);
        }
        match self.url.as_deref().and_then(own_network) {
            Some(host) => open(
                step,
                format!(
                    "{host} can be reached only from this machine or its network: the vendor needs a public address"
                ),
            ),
            None => unknown(
                step,
                "nothing has arrived yet, and only a delivery shows that the vendor reaches the URL",
            ),
        }
    }

    fn webhook(&self) -> CheckedStep {
        let step = SetupStep::Webhook;
        match self.tokens.iter().filter_map(|token| token.seen_at).max() {
            Some(at) => done_at(step, "a delivery carried an accepted token", at),
            None if self.is_signed() && self.deliveries.last_received_at.is_some() => {
                done(step, "a delivery with a valid signature arrived")
            }
            None => unknown(step, "no delivery shows it yet: the connection's test asks the vendor"),
        }
    }

    fn webhook_id(&self) -> CheckedStep {
        let step = SetupStep::WebhookId;
        let installs = self.plugin.is_none_or(|plugin| plugin.exports().contains(&Interface::WebhookToken));
        if self.is_signed() || !installs {
            return done(step, "not needed: this connector installs no tokens at the vendor");
        }
        match self.webhook_id.filter(|id| !id.is_empty() && *id != "none") {
            Some(id) => done(step, format!("webhook {id}: the host sends the vendor each new token")),
            None => open(
                step,
                format!(
                    "set `{WEBHOOK_ID}` of the connection, so that the host sends the vendor each new token; without it, \
                     enter one by hand before the last one expires"
                ),
            ),
        }
    }

    fn token(&self) -> CheckedStep {
        let step = SetupStep::Token;
        match self.tokens.last() {
            _ if self.is_signed() => done(step, "not needed: deliveries are signed"),
            Some(token) => done_at(step, format!("token {} was issued", token.generation), token.issued_at),
            None => open(step, "no token is accepted: issue one"),
        }
    }

    fn token_at_vendor(&self) -> CheckedStep {
        let step = SetupStep::TokenAtVendor;
        if self.is_signed() {
            return done(step, "not needed: deliveries are signed");
        }
        let Some(newest) = self.tokens.last() else { return open(step, "there is no token yet") };
        let number = newest.generation;
        if let Some(at) = newest.seen_at {
            return done_at(step, format!("a delivery carried token {number}"), at);
        }
        let last = newest.push_reason.as_ref().map(|why| format!("; last time: {why}")).unwrap_or_default();
        match newest.push_at {
            _ if newest.state == TokenState::Current => {
                done(step, format!("the vendor accepted token {number}; no delivery has carried it yet"))
            }
            Some(at) if newest.is_pending() => CheckedStep {
                at: Some(at),
                ..open(step, format!("the host sends token {number} to the vendor{last}"))
            },
            _ => match self.tokens.iter().rev().find(|token| token.seen_at.is_some()) {
                Some(used) => unknown(
                    step,
                    format!("deliveries carried token {}, and none token {number} yet", used.generation),
                ),
                None => {
                    open(step, format!("enter token {number} at the vendor: no delivery has carried it yet"))
                }
            },
        }
    }

    fn choices(&self) -> CheckedStep {
        let step = SetupStep::Choices;
        let enable = "enable the vendor's events for opt-ins and opt-outs";
        match (self.deliveries.last_choice_at, self.deliveries.last_received_at) {
            (Some(at), _) => done_at(step, "a choice arrived", at),
            (None, Some(_)) => unknown(step, format!("deliveries arrived, but none with a choice: {enable}")),
            (None, None) => unknown(step, format!("nothing has arrived yet: {enable}")),
        }
    }

    /// Returns whether the vendor signs deliveries, which therefore carry no token.
    fn is_signed(&self) -> bool {
        self.plugin.is_some_and(|plugin| plugin.manifest().webhook_token_slot.is_none())
    }
}

/// Returns the host of `url` if only this machine or its network reaches it.
fn own_network(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let is_own = match url.host()? {
        Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(address) => address.is_loopback() || address.is_private() || address.is_link_local(),
        Host::Ipv6(address) => match address.to_canonical() {
            IpAddr::V4(address) => address.is_loopback() || address.is_private() || address.is_link_local(),
            IpAddr::V6(address) => address.is_loopback() || address.is_unique_local(),
        },
    };
    is_own.then(|| url.host_str().unwrap_or_default().to_owned())
}

/// Where to find the settings at the vendor.
fn at_vendor(plugin: Option<&Plugin>) -> &'static str {
    match plugin.map(|plugin| plugin.manifest().name.as_str()) {
        Some("iterable") => {
            "in Iterable, Integrations > System Webhooks: a webhook with this endpoint, authentication OAuth2, the events \
             Subscribe and Unsubscribe, and enabled"
        }
        _ => {
            "enter it at the vendor as the webhook for changes of consent, with a token as its authentication"
        }
    }
}

fn done(step: SetupStep, why: impl Into<String>) -> CheckedStep {
    CheckedStep { step, state: SetupState::Done, why: why.into(), at: None }
}

fn done_at(step: SetupStep, why: impl Into<String>, at: i64) -> CheckedStep {
    CheckedStep { at: Some(at), ..done(step, why) }
}

fn open(step: SetupStep, why: impl Into<String>) -> CheckedStep {
    CheckedStep { state: SetupState::Open, ..done(step, why) }
}

fn unknown(step: SetupStep, why: impl Into<String>) -> CheckedStep {
    CheckedStep { state: SetupState::Unknown, ..done(step, why) }
}
