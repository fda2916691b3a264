//! Receiving: checked at the door, stored, and only then acknowledged.
//!
//! A connection that is switched off still receives: its vendor would not send again what happened meanwhile. What it
//! brings waits until the connection is switched on. So does one that the host does not carry now, whose plugin does not
//! load, say: what has one of its tokens is kept until it does. A connection that does not exist is answered like a wrong
//! token.

use std::{sync::Arc, time::Duration};

use tokio::sync::Notify;
use uuid::Uuid;

use super::{AcceptedToken, Admitted, Checked, kept, rate::Rates};
use crate::{
    contract::{
        Interface,
        manifest::{Place, TokenSlot},
        webhook::{Delivery, Verdict},
    },
    sandbox::Calls,
    service::Shared,
    store::{
        StoreError, connections,
        deliveries::{self, NewDelivery},
        tokens::{Known, TokenView},
    },
    token::{self, Tokens, life::MOST_LIVE},
};

/// The largest body, in bytes: a hundred times what vendors are known to send.
pub(crate) const LARGEST_BODY: usize = 256 * 1_024;

/// A longer credential is none, in bytes.
const LONGEST_CREDENTIAL: usize = 2_048;

/// A signature is checked before the answer for no longer than this; what takes longer is checked again later.
const PROVING: Duration = Duration::from_secs(1);

/// As many are kept unproven of a connection: anybody can send them, so they must not fill the disk.
const MOST_UNPROVEN: i64 = 1_000;

/// When to come again where a delivery cannot be stored.
const NO_PLACE: Duration = Duration::from_secs(10);

/// What the vendor is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It is stored, or was before. 200.
    Taken,
    /// No such connection, or no credential that it accepts: nobody learns which. 401.
    Refused,
    /// Its body is larger than [`LARGEST_BODY`]. 413.
    TooLarge,
    /// More than a connection may bring. 429.
    TooMany(Duration),
    /// It cannot be stored now. 503.
    Unavailable(Duration),
}

impl Answer {
    /// Its status.
    pub(crate) fn status(self) -> u16 {
        match self {
            Self::Taken => 200,
            Self::Refused => 401,
            Self::TooLarge => 413,
            Self::TooMany(_) => 429,
            Self::Unavailable(_) => 503,
        }
    }
}

/// What receives and reads deliveries. Lives as long as the process.
pub(crate) struct Webhooks {
    pub(super) shared: Arc<Shared>,
    /// Told of each delivery that is stored.
    pub(super) arrived: Notify,
    rates: Rates,
    tokens: Tokens,
}

/// A delivery that may be stored.
struct Passed {
    admitted: Admitted,
    /// Whether it is shown to be the vendor's.
    by_vendor: bool,
    carried: Option<TokenView>,
}

impl Webhooks {
    /// Receives for the connections of `shared`.
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let tokens = Tokens::of(&shared);
        Self { shared, arrived: Notify::new(), rates: Rates::default(), tokens }
    }

    /// Takes in what was sent to the address of `connection`.
    pub(crate) async fn receive(&self, connection: &str, delivery: Delivery) -> Answer {
        // Vendors look whether somebody is there.
        if ["GET", "HEAD"].contains(&delivery.method.as_str()) {
            return Answer::Taken;
        }
        let known = self.shared.host.connection(connection).ok();
        let calls = known.filter(|calls| calls.plugin().exports().contains(&Interface::WebhookVerify));
        let answer = self.take_in(connection, calls.as_ref(), delivery).await.unwrap_or_else(|error| {
            tracing::error!(%error, "a delivery cannot be stored; its vendor is asked to send it again");
            Answer::Unavailable(NO_PLACE)
        });
        self.tell(calls.as_ref(), answer);
        answer
    }

    async fn take_in(
        &self,
        connection: &str,
        calls: Option<&Calls>,
        delivery: Delivery,
    ) -> Result<Answer, StoreError> {
        if delivery.body.len() > LARGEST_BODY {
            return Ok(Answer::TooLarge);
        }
        let known = self.tokens.accepted(connection).await?;
        let passed = match calls {
            Some(calls) => self.pass(calls, known, delivery).await,
            None => self.pass_uncarried(connection, known, delivery),
        };
        let passed = match passed {
            Ok(passed) => passed,
            Err(answer) => return Ok(answer),
        };
        match self.tenant(connection, calls).await? {
            Some(tenant) => self.store(tenant, connection.to_owned(), passed).await,
            None => Ok(Answer::Refused),
        }
    }

    async fn tenant(&self, connection: &str, calls: Option<&Calls>) -> Result<Option<String>, StoreError> {
        if let Some(calls) = calls {
            return Ok(Some(calls.connection().tenant.0.clone()));
        }
        let connection = connection.to_owned();
        self.shared.store.read(|c| Box::pin(async move { connections::tenant(c, &connection).await })).await
    }

    /// How a delivery was answered, in metrics and log. What a sender wrote is in neither: where no such connection is known
    /// there is none to name.
    fn tell(&self, calls: Option<&Calls>, answer: Answer) {
        let connection = calls.map(Calls::connection);
        let (tenant, key) = (connection.map(|c| c.tenant.0.as_str()), connection.map(|c| c.key.as_str()));
        let status = answer.status();
        if let (Some(tenant), Some(key)) = (tenant, key) {
            self.shared.telemetry.delivery(tenant, key, status);
        }
        tracing::info!(tenant, connection = key, operation = "delivery", status = %status, "a delivery was answered");
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
        let slot = TokenSlot { place: Place::Header, name: "authorization".to_owned() };
        let (checked, carried) = by_token(&slot, &[], known, delivery).ok_or(Answer::Refused)?;
        self.count(connection)?;
        Ok(Passed { admitted: Admitted::uncarried(checked), by_vendor: true, carried })
    }

    fn count(&self, connection: &str) -> Result<(), Answer> {
        self.rates.take(connection, self.shared.clock.now()).map_err(Answer::TooMany)
    }

    async fn store(&self, tenant: String, connection: String, passed: Passed) -> Result<Answer, StoreError> {
        let Passed { admitted, by_vendor, carried } = passed;
        let store = &self.shared.store;
        let now = self.shared.date_ms();
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
                    token::seen(tx, &tenant, &connection, &carried, now).await?;
                }
                Ok(Answer::Taken)
            })
        });
        let answer = stored.await?;
        if answer == Answer::Taken {
            self.arrived.notify_one();
        }
        Ok(answer)
    }
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
mod bench;
#[cfg(test)]
mod signed;
#[cfg(test)]
mod tests;
