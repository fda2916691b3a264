//! Receiving: checked at the door, stored, and only then acknowledged.
//!
//! A connection that is switched off still receives: its vendor would not send again what happened meanwhile. What it
//! brings waits until the connection is switched on. So does one that the host does not carry now, whose plugin does not
//! load, say: what has one of its tokens is kept until it does. A connection that does not exist is answered like a wrong
//! token.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use uuid::Uuid;

use super::{answer::Answer, kept, rate::Rates};
use crate::{
    bell::Bell,
    logged_path::logged_segment,
    served::Served,
    telemetry::Telemetry,
    tokens::{self, Tokens},
    webhooks::answer::Incomplete,
};
use host_harness::{
    clock::Clock,
    connection::token::AcceptedToken,
    door::{Admitted, check::Checked},
    sandbox::Calls,
};
use host_model::{
    contract::{
        Interface,
        manifest::{Place, TokenSlot},
        webhook::{Delivery, Verdict},
    },
    token::{MOST_LIVE, TokenView},
};
use host_store::{
    Store, StoreError,
    alarms::{self, Alarm},
    connections,
    deliveries::{self, NewDelivery},
    tokens::Known,
};

/// The largest body, in bytes: a hundred times what vendors are known to send.
pub const LARGEST_BODY: usize = 256 * 1_024;

/// A longer credential is none, in bytes.
const LONGEST_CREDENTIAL: usize = 2_048;

/// A signature is checked before the answer for no longer than this; what takes longer is checked again later.
const PROVING: Duration = Duration::from_secs(1);

/// As many are kept unproven of a connection: anybody can send them, so they must not fill the disk.
const MOST_UNPROVEN: i64 = 1_000;

/// When to come again where a delivery cannot be stored.
const NO_PLACE: Duration = Duration::from_secs(10);

/// Receives deliveries. Clones share everything.
#[derive(Clone)]
pub struct Webhooks {
    pub(crate) served: Served,
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) tokens: Tokens,
    pub(crate) telemetry: Telemetry,
    /// Rung for each delivery that is stored.
    pub(crate) arrived: Bell,
    pub(crate) rates: Arc<Rates>,
    /// How long a delivery's body may take to arrive.
    pub(crate) body_timeout: Duration,
}

/// A delivery that may be stored.
struct Passed {
    admitted: Admitted,
    /// Whether it is shown to be the vendor's.
    by_vendor: bool,
    carried: Option<TokenView>,
}

/// Whom a delivery is addressed to.
struct Addressee<'a> {
    /// The connection's key, as the address has it.
    key: &'a str,
    /// `None` if there is no such connection.
    tenant: Option<String>,
    /// `None` if the host does not carry the connection, or its plugin reads no deliveries.
    calls: Option<Calls>,
}

impl Webhooks {
    /// The time that deliveries are received at.
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// The address of this service that the operator says vendors reach it at, if any.
    pub fn public_url(&self) -> Option<&str> {
        self.served.public_url()
    }

    /// How long a delivery's body may take to arrive.
    pub fn body_timeout(&self) -> Duration {
        self.body_timeout
    }

    /// Takes in what was sent to the address of the connection `key`: everything but the body in `head`. However it is
    /// answered, the answer is logged, with the `request_id` that the vendor gets, and counted.
    pub async fn receive(
        &self,
        key: &str,
        head: Delivery,
        body: Result<Bytes, Incomplete>,
        request_id: Option<&str>,
    ) -> Answer {
        let (addressee, answer) = match self.addressee(key).await {
            Ok(addressee) => {
                let answer = self.take_in(&addressee, head, body).await;
                (addressee, answer)
            }
            Err(error) => (Addressee { key, tenant: None, calls: None }, Err(error)),
        };
        let answer = answer.unwrap_or_else(|error| {
            tracing::error!(%error, request_id, "a delivery cannot be stored; its vendor is asked to send it again");
            Answer::Unavailable(NO_PLACE)
        });
        self.record(&addressee, answer, request_id);
        answer
    }

    /// One look-up, whether there is such a connection or not.
    async fn addressee<'a>(&self, key: &'a str) -> Result<Addressee<'a>, StoreError> {
        let known = self.served.calls(key).ok();
        let calls = known.filter(|calls| calls.plugin().exports().contains(&Interface::WebhookVerify));
        let tenant = if let Some(calls) = &calls {
            Some(calls.connection().tenant.0.clone())
        } else {
            let key = key.to_owned();
            self.store.read(|c| Box::pin(async move { connections::tenant(c, &key).await })).await?
        };
        Ok(Addressee { key, tenant, calls })
    }

    async fn take_in(
        &self,
        addressee: &Addressee<'_>,
        head: Delivery,
        body: Result<Bytes, Incomplete>,
    ) -> Result<Answer, StoreError> {
        // Vendors look whether somebody is there. What has a body is a delivery, by whatever method it comes.
        if ["GET", "HEAD"].contains(&head.method.as_str()) && body.as_ref().is_ok_and(Bytes::is_empty) {
            return Ok(Answer::Taken);
        }
        let known = self.tokens.accepted(addressee.key).await?;
        let delivery = match body {
            Ok(body) => Delivery { body: body.into(), ..head },
            Err(incomplete) => return self.turn_away(addressee, known, head, incomplete).await,
        };
        let passed = match &addressee.calls {
            Some(calls) => self.pass(calls, known, delivery).await,
            None => self.pass_uncarried(addressee.key, known, delivery),
        };
        match (passed, &addressee.tenant) {
            (Ok(passed), Some(tenant)) => self.store(tenant.clone(), addressee.key.to_owned(), passed).await,
            (Ok(_), None) => Ok(Answer::Refused),
            (Err(answer), _) => Ok(answer),
        }
    }

    /// Answers what did not arrive whole. If it is too large and its token is accepted, an alarm is raised: the vendor
    /// will not send it otherwise.
    async fn turn_away(
        &self,
        addressee: &Addressee<'_>,
        known: Vec<Known>,
        head: Delivery,
        incomplete: Incomplete,
    ) -> Result<Answer, StoreError> {
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
                    "the vendor sent a delivery of more than {LARGEST_BODY} bytes; it was answered 413 and not stored, and \
                     what it reports is unknown here: have the people whom it may be about read again, by `reconcile`"
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

    /// Logs and counts an answer. An address that no connection has is logged, and counted without labels that a sender
    /// could choose.
    fn record(&self, addressee: &Addressee<'_>, answer: Answer, request_id: Option<&str>) {
        let status = answer.status();
        let tenant = addressee.tenant.as_deref();
        let connection = tenant.map(|_| addressee.key);
        self.telemetry.delivery(tenant.zip(connection), status);
        let address = match tenant {
            Some(_) => None,
            None => {
                Some(format!("/api/v1/plus/connection/{}/consent-webhook", logged_segment(addressee.key)))
            }
        };
        tracing::info!(
            tenant,
            connection,
            operation = "delivery",
            status = %status,
            address,
            request_id,
            "a delivery was answered"
        );
    }

    /// What may be stored, or the answer to what may not.
    async fn pass(&self, calls: &Calls, known: Vec<Known>, delivery: Delivery) -> Result<Passed, Answer> {
        let connection = calls.connection();
        let Some(slot) = &calls.plugin().manifest().webhook_token_slot else {
            self.count(&connection.key)?;
            return by_signature(calls, delivery).await.ok_or(Answer::Refused);
        };
        let (checked, carried) =
            by_token(slot, &connection.accepted_tokens, known, delivery).ok_or(Answer::Refused)?;
        self.count(&connection.key)?;
        Ok(Passed { admitted: Admitted::masked(connection, checked), by_vendor: true, carried })
    }

    /// The same where the host carries no such connection, and knows its slot as little as whether there is one. What is
    /// refused costs what a wrong token costs.
    ///
    /// The same cannot be: the slot of a connection that does not exist (one in the query costs parsing the address
    /// instead); the number of tokens, which each connection has its own of (a comparison takes some ten nanoseconds); and
    /// the look-up itself.
    fn pass_uncarried(
        &self,
        connection: &str,
        known: Vec<Known>,
        delivery: Delivery,
    ) -> Result<Passed, Answer> {
        let (checked, carried) = by_token(&usual_slot(), &[], known, delivery).ok_or(Answer::Refused)?;
        self.count(connection)?;
        Ok(Passed { admitted: Admitted::uncarried(checked), by_vendor: true, carried })
    }

    fn count(&self, connection: &str) -> Result<(), Answer> {
        self.rates.take(connection, self.clock.now()).map_err(Answer::TooMany)
    }

    async fn store(&self, tenant: String, connection: String, passed: Passed) -> Result<Answer, StoreError> {
        let Passed { admitted, by_vendor, carried } = passed;
        let store = &self.store;
        let now = self.clock.date_ms();
        let id = Uuid::now_v7().to_string();
        let digest = if by_vendor { kept::digest } else { kept::digest_of_all };
        let new = NewDelivery {
            body_digest: digest(&*store.person_key(&tenant).await?, admitted.delivery()),
            accepted: admitted.is_accepted(),
            proven: by_vendor,
            sealed: kept::seal(store.vault(), &id, admitted.delivery())?,
            received_at: now,
            id,
            tenant: tenant.clone(),
            connection: connection.clone(),
        };
        let stored = store.write(move |tx| {
            Box::pin(async move {
                if connections::tenant(tx, &connection).await?.is_none() {
                    return Ok(Answer::Refused);
                }
                if !by_vendor && deliveries::unproven(tx, &connection).await? >= MOST_UNPROVEN {
                    return Ok(Answer::Unavailable(NO_PLACE));
                }
                deliveries::insert(tx, new).await?;
                if let Some(carried) = carried {
                    tokens::issue::seen(tx, &tenant, &connection, &carried, now).await?;
                }
                Ok(Answer::Taken)
            })
        });
        let answer = stored.await?;
        if answer == Answer::Taken {
            self.arrived.ring();
        }
        Ok(answer)
    }
}

impl Addressee<'_> {
    /// Whether a delivery with this head carries an accepted token. One that is signed proves nothing without its body.
    fn is_sender(&self, known: Vec<Known>, head: Delivery) -> bool {
        let Some(calls) = &self.calls else { return by_token(&usual_slot(), &[], known, head).is_some() };
        let slot = calls.plugin().manifest().webhook_token_slot.as_ref();
        slot.is_some_and(|slot| by_token(slot, &calls.connection().accepted_tokens, known, head).is_some())
    }
}

/// Where a token is looked for while the connection's own slot is not known.
fn usual_slot() -> TokenSlot {
    TokenSlot { place: Place::Header, name: "authorization".to_owned() }
}

/// What has one credential in the slot, and an accepted one: of the connection's `own`, or one that is `known`.
fn by_token(
    slot: &TokenSlot,
    own: &[AcceptedToken],
    known: Vec<Known>,
    delivery: Delivery,
) -> Option<(Checked, Option<TokenView>)> {
    let is_overlong = is_overlong(slot, &delivery);
    let mut accepted = own.to_vec();
    accepted.extend(known.iter().map(|known| AcceptedToken::by_digest(known.digest)));
    let checked = Checked::against(slot, &padded(accepted), delivery);
    let carried = checked.only_token()?;
    if is_overlong || !checked.is_accepted() {
        return None;
    }
    let carried = known.into_iter().find(|known| known.digest == carried).map(|known| known.token);
    Some((checked, carried))
}

/// As many as a connection that does not exist is checked against; what stands in for one has a digest that no text is
/// known to have.
fn padded(mut accepted: Vec<AcceptedToken>) -> Vec<AcceptedToken> {
    let most = accepted.len().max(MOST_LIVE);
    accepted.resize_with(most, || AcceptedToken::by_digest([0; 32]));
    accepted
}

fn is_overlong(slot: &TokenSlot, delivery: &Delivery) -> bool {
    match slot.place {
        Place::Header => delivery
            .headers
            .iter()
            .any(|(name, value)| name.eq_ignore_ascii_case(&slot.name) && value.len() > LONGEST_CREDENTIAL),
        Place::Query | Place::Body => delivery.url.len() > 4 * LONGEST_CREDENTIAL,
    }
}

/// Where deliveries are signed the connector is asked first. What it cannot say now is kept as unproven.
async fn by_signature(calls: &Calls, delivery: Delivery) -> Option<Passed> {
    let admitted = Admitted::at_the_door(calls.connection(), calls.plugin().manifest(), delivery);
    let verdict = tokio::time::timeout(PROVING, calls.verify(&admitted)).await;
    let by_vendor = match verdict {
        Ok(Ok(Ok(Verdict::Unauthenticated(_)))) => return None,
        Ok(Ok(Ok(Verdict::Authentic(_) | Verdict::Unreadable(_)))) => true,
        Ok(Ok(Err(_)) | Err(_)) | Err(_) => false,
    };
    Some(Passed { admitted, by_vendor, carried: None })
}

#[cfg(test)]
mod signed;
#[cfg(test)]
mod tests;
