//! A project's webhooks: created beforehand, changed through the API.

use jiff::SignedDuration;

use super::memory::Project;
use super::webhook::{AUTH_TYPES, AuthType, Webhook};
use crate::body::Fields;
use crate::clock::later;
use crate::endpoint::to_loopback;
use crate::refusal::Refusal;
use crate::switches::{PlainEndpoint, TokenDelay, UnknownWebhook};

impl Project {
    /// Returns the webhooks.
    pub fn webhooks(&self) -> &[Webhook] {
        &self.webhooks
    }

    /// Returns the webhook with this id. Creates it if missing, as a person does in the UI.
    pub fn webhook(&mut self, id: i64) -> &mut Webhook {
        let at = self.webhooks.iter().position(|webhook| webhook.id == id).unwrap_or(self.webhooks.len());
        if at == self.webhooks.len() {
            self.webhooks.push(Webhook::fresh(id));
        }
        #[expect(clippy::indexing_slicing, reason = "the position was found or created just above")]
        &mut self.webhooks[at]
    }

    /// Changes the given fields of a webhook, as the API does. Deliveries carry a new token only after a delay.
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
