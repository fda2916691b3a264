//! Receives deliveries: checked on arrival, stored, and only then acknowledged.
//!
//! A disabled connection still receives, because its vendor would not resend what happened in the meantime. Its
//! deliveries wait until the connection is enabled. The same applies to a connection that the host cannot serve now,
//! for example because its plugin does not load: a delivery with one of its tokens is kept until it is served. A
//! connection that does not exist gets the same response as a wrong token.

mod stored;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;

pub(crate) use self::stored::DeliveryIntake;
use self::stored::{AcceptedDelivery, STORE_RETRY_AFTER};
use super::{rate::Rates, response::WebhookResponse, sender::DeliverySender};
use crate::{
    bell::Bell, refused_log::RefusedLog, served::Served, telemetry::Telemetry, tokens::Tokens,
    webhooks::response::Incomplete,
};
use host_harness::{
    clock::Clock,
    connection::token::AcceptedToken,
    door::{AdmittedDelivery, check::CheckedDelivery},
    sandbox::Calls,
};
use host_model::{
    contract::{
        Interface,
        manifest::{RequestPart, TokenSlot},
        webhook::{Delivery, Verdict},
    },
    token::{MAX_LIVE_TOKENS, TokenView},
};
use host_store::{
    Store, StoreError,
    alarms::{self, Alarm},
    connections,
    tokens::AcceptableToken,
};

/// The maximum size of a body in bytes: a hundred times what vendors are known to send.
pub const MAX_DELIVERY_BODY: usize = 256 * 1_024;

/// The maximum length of a credential in bytes. A longer one is not accepted.
const MAX_CREDENTIAL: usize = 2_048;

/// The time limit for checking a signature before the response. A check that takes longer is repeated later.
const MAX_PROVING_TIME: Duration = Duration::from_secs(1);

/// Receives deliveries. Clones share everything.
#[derive(Clone)]
pub struct Webhooks {
    pub(crate) served: Served,
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) tokens: Tokens,
    pub(crate) intake: DeliveryIntake,
    pub(crate) telemetry: Telemetry,
    /// Limits log lines about deliveries that are not accepted.
    pub(crate) refused: RefusedLog,
    /// Rung for each delivery that is stored.
    pub(crate) arrived: Bell,
    pub(crate) rates: Arc<Rates>,
    /// How long a delivery's body may take to arrive.
    pub(crate) body_timeout: Duration,
}

/// Who can have sent a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DeliveryOrigin {
    /// It is proven to be the vendor's.
    Vendor,
    /// Anyone.
    Anyone,
}

/// The connection that a delivery is addressed to.
struct Addressee<'a> {
    /// The connection's key, as given in the address.
    key: &'a str,
    /// `None` if there is no such connection.
    tenant: Option<String>,
    /// `None` if the host does not serve the connection, or its plugin reads no deliveries.
    calls: Option<Calls>,
}

impl Webhooks {
    /// Returns the clock that dates deliveries.
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Returns the address at which vendors reach this service, if configured.
    pub fn public_url(&self) -> Option<&str> {
        self.served.public_url()
    }

    /// Returns how long a delivery's body may take to arrive.
    pub fn body_timeout(&self) -> Duration {
        self.body_timeout
    }

    /// Processes what `sender` sent to the address of the connection `key`: `head` is the delivery without its body.
    /// Every response is counted, and logged with the request's id. Lines about what anyone can send are limited.
    pub async fn receive(
        &self,
        key: &str,
        head: Delivery,
        body: Result<Bytes, Incomplete>,
        sender: &DeliverySender,
    ) -> WebhookResponse {
        let (addressee, answer) = match self.addressee(key, sender).await {
            Ok(addressee) => {
                let answer = self.accept(&addressee, head, body).await;
                (addressee, answer)
            }
            Err(error) => (Addressee { key, tenant: None, calls: None }, Err(error)),
        };
        let (answer, origin) = answer.unwrap_or_else(|error| {
            if self.refused.permits(&sender.source) {
                let request_id = &sender.request_id;
                tracing::error!(%error, request_id, "delivery not stored; the vendor is asked to retry");
            }
            (WebhookResponse::Unavailable(STORE_RETRY_AFTER), DeliveryOrigin::Anyone)
        });
        let tenant = addressee.tenant.as_deref();
        // An address without a connection is counted without labels that a sender could choose.
        self.telemetry.delivery(tenant.map(|tenant| (tenant, key)), answer.status());
        if origin == DeliveryOrigin::Vendor || self.refused.permits(&sender.source) {
            sender.log(tenant, key, answer);
        }
        answer
    }

    /// Looks up the connection, with a single query whether it exists or not. Log lines of its calls count as the
    /// sender's.
    async fn addressee<'a>(
        &self,
        key: &'a str,
        sender: &DeliverySender,
    ) -> Result<Addressee<'a>, StoreError> {
        let known = self.served.calls(key).ok();
        let calls = known.filter(|calls| calls.plugin().exports().contains(&Interface::WebhookVerify));
        let (refused, source) = (self.refused.clone(), sender.source.clone());
        let calls = calls.map(|calls| calls.logged_if(move || refused.permits(&source)));
        let tenant = if let Some(calls) = &calls {
            Some(calls.connection().tenant.0.clone())
        } else {
            let key = key.to_owned();
            self.store.read(|c| Box::pin(async move { connections::tenant(c, &key).await })).await?
        };
        Ok(Addressee { key, tenant, calls })
    }

    async fn accept(
        &self,
        addressee: &Addressee<'_>,
        head: Delivery,
        body: Result<Bytes, Incomplete>,
    ) -> Result<(WebhookResponse, DeliveryOrigin), StoreError> {
        let of_anyone = |answer| Ok((answer, DeliveryOrigin::Anyone));
        // Vendors probe whether the address responds. A request with a body is a delivery, whatever its method.
        if ["GET", "HEAD"].contains(&head.method.as_str()) && body.as_ref().is_ok_and(Bytes::is_empty) {
            return of_anyone(WebhookResponse::Taken);
        }
        let known = self.tokens.accepted(addressee.key).await?;
        let delivery = match body {
            Ok(body) => Delivery { body: body.into(), ..head },
            Err(incomplete) => return of_anyone(self.reject(addressee, known, head, incomplete).await?),
        };
        let passed = match &addressee.calls {
            Some(calls) => self.pass(calls, known, delivery).await,
            None => self.accept_unserved(addressee.key, known, delivery),
        };
        match (passed, &addressee.tenant) {
            (Ok(passed), Some(tenant)) => {
                let origin = if passed.by_vendor { DeliveryOrigin::Vendor } else { DeliveryOrigin::Anyone };
                let answer = self.intake.store(tenant, addressee.key, passed, self.clock.date_ms()).await?;
                if answer == WebhookResponse::Taken {
                    self.arrived.ring();
                }
                Ok((answer, origin))
            }
            (Ok(_), None) => of_anyone(WebhookResponse::Refused),
            (Err(answer), _) => of_anyone(answer),
        }
    }

    /// Rejects a delivery that did not arrive completely. If it is too large and its token is accepted, an alarm is
    /// raised, because the vendor will not send it in another form.
    async fn reject(
        &self,
        addressee: &Addressee<'_>,
        known: Vec<AcceptableToken>,
        head: Delivery,
        incomplete: Incomplete,
    ) -> Result<WebhookResponse, StoreError> {
        let is_vendors = addressee.is_sender(known, head);
        if let (Incomplete::TooLarge, true, Some(tenant)) = (incomplete, is_vendors, &addressee.tenant) {
            self.alarm_too_large(tenant.clone(), addressee.key.to_owned()).await?;
        }
        Ok(incomplete.into())
    }

    async fn alarm_too_large(&self, tenant: String, connection: String) -> Result<(), StoreError> {
        let now = self.clock.date_ms();
        let raised = self.store.write(move |tx| {
            Box::pin(async move {
                let detail = format!(
                    "the vendor sent a delivery of more than {MAX_DELIVERY_BODY} bytes; it was rejected with 413 and \
                     not stored, so its content is unknown here: `reconcile` the people whom it may be about"
                );
                let alarm = Alarm {
                    tenant: &tenant,
                    connection: Some(&connection),
                    kind: "delivery-too-large",
                    about: &connection,
                    detail: &detail,
                };
                alarms::raise(tx, now, &alarm).await
            })
        });
        raised.await
    }

    /// Returns the delivery if it may be stored, otherwise the response that rejects it.
    async fn pass(
        &self,
        calls: &Calls,
        known: Vec<AcceptableToken>,
        delivery: Delivery,
    ) -> Result<AcceptedDelivery, WebhookResponse> {
        let connection = calls.connection();
        // A released version that refuses what the vendor sends has to show: nothing is stored of it.
        let refused = || {
            self.served.count_unauthenticated(&connection.key, calls.plugin().digest());
            WebhookResponse::Refused
        };
        let Some(slot) = &calls.plugin().manifest().webhook_token_slot else {
            self.count(&connection.key)?;
            return by_signature(calls, delivery).await.ok_or_else(refused);
        };
        let (checked, carried) =
            by_token(slot, &connection.accepted_tokens, known, delivery).ok_or_else(refused)?;
        self.count(&connection.key)?;
        Ok(AcceptedDelivery {
            admitted: AdmittedDelivery::masked(connection, checked),
            by_vendor: true,
            carried,
        })
    }

    /// Returns the delivery if it may be stored, otherwise the response that rejects it, for a connection that the
    /// host does not serve: neither its token slot nor whether it exists is known. A rejection costs as much as one
    /// for a wrong token.
    ///
    /// Some differences cannot be avoided: the slot of a connection that does not exist (a slot in the query costs
    /// parsing the address instead); the number of tokens, which varies by connection (a comparison takes about ten
    /// nanoseconds); and the look-up itself.
    fn accept_unserved(
        &self,
        connection: &str,
        known: Vec<AcceptableToken>,
        delivery: Delivery,
    ) -> Result<AcceptedDelivery, WebhookResponse> {
        let (checked, carried) =
            by_token(&usual_slot(), &[], known, delivery).ok_or(WebhookResponse::Refused)?;
        self.count(connection)?;
        Ok(AcceptedDelivery { admitted: AdmittedDelivery::unserved(checked), by_vendor: true, carried })
    }

    fn count(&self, connection: &str) -> Result<(), WebhookResponse> {
        self.rates.take(connection, self.clock.now()).map_err(WebhookResponse::TooMany)
    }
}

impl Addressee<'_> {
    /// Returns whether a delivery with this head carries an accepted token. A signed delivery proves nothing without
    /// its body.
    fn is_sender(&self, known: Vec<AcceptableToken>, head: Delivery) -> bool {
        let Some(calls) = &self.calls else { return by_token(&usual_slot(), &[], known, head).is_some() };
        let slot = calls.plugin().manifest().webhook_token_slot.as_ref();
        slot.is_some_and(|slot| by_token(slot, &calls.connection().accepted_tokens, known, head).is_some())
    }
}

/// Returns the slot to search for a token while the connection's own slot is not known.
fn usual_slot() -> TokenSlot {
    TokenSlot { place: RequestPart::Header, name: "authorization".to_owned() }
}

/// Returns the checked delivery if it has exactly one credential in the slot, and that is accepted: one of the
/// connection's `own` tokens, or one that is `known`.
fn by_token(
    slot: &TokenSlot,
    own: &[AcceptedToken],
    known: Vec<AcceptableToken>,
    delivery: Delivery,
) -> Option<(CheckedDelivery, Option<TokenView>)> {
    let is_overlong = is_overlong(slot, &delivery);
    let mut accepted = own.to_vec();
    accepted.extend(known.iter().map(|known| AcceptedToken::by_digest(known.digest)));
    let checked = CheckedDelivery::against(slot, &padded(accepted), delivery);
    let carried = checked.only_token()?;
    if is_overlong || !checked.is_accepted() {
        return None;
    }
    let carried = known.into_iter().find(|known| known.digest == carried).map(|known| known.token);
    Some((checked, carried))
}

/// Pads the tokens to the number that a connection that does not exist is checked against. The padding has a digest
/// that no known text has.
fn padded(mut accepted: Vec<AcceptedToken>) -> Vec<AcceptedToken> {
    let most = accepted.len().max(MAX_LIVE_TOKENS);
    accepted.resize_with(most, || AcceptedToken::by_digest([0; 32]));
    accepted
}

fn is_overlong(slot: &TokenSlot, delivery: &Delivery) -> bool {
    match slot.place {
        RequestPart::Header => delivery
            .headers
            .iter()
            .any(|(name, value)| name.eq_ignore_ascii_case(&slot.name) && value.len() > MAX_CREDENTIAL),
        RequestPart::Query | RequestPart::Body => delivery.url.len() > 4 * MAX_CREDENTIAL,
    }
}

/// Lets the connector check a signed delivery. One that it cannot judge now is kept as unproven.
async fn by_signature(calls: &Calls, delivery: Delivery) -> Option<AcceptedDelivery> {
    let admitted = AdmittedDelivery::admit(calls.connection(), calls.plugin().manifest(), delivery);
    let verdict = tokio::time::timeout(MAX_PROVING_TIME, calls.verify(&admitted)).await;
    let by_vendor = match verdict {
        Ok(Ok(Ok(Verdict::Unauthenticated(_)))) => return None,
        Ok(Ok(Ok(Verdict::Authentic(_) | Verdict::Unreadable(_)))) => true,
        Ok(Ok(Err(_)) | Err(_)) | Err(_) => false,
    };
    Some(AcceptedDelivery { admitted, by_vendor, carried: None })
}

#[cfg(test)]
mod tests;
