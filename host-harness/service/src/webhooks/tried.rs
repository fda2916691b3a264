//! A delivery tried out: judged as it would be on arrival, and kept nowhere.

use serde_json::{Value, json};

use super::receive::Webhooks;
use host_harness::{
    connection::token::AcceptedToken,
    door::{Admitted, check::Checked},
    sandbox::{CallResult, Calls},
};
use host_model::contract::webhook::{ConsentEvent, Delivery, Verdict};
use host_store::StoreError;

impl Webhooks {
    /// What the connection makes of `delivery` with the tokens that it accepts now.
    pub async fn judge(&self, calls: &Calls, delivery: Delivery) -> Result<CallResult<Verdict>, StoreError> {
        let connection = calls.connection();
        let admitted = match &calls.plugin().manifest().webhook_token_slot {
            Some(slot) => {
                let known = self.tokens.accepted(&connection.key).await?;
                let mut accepted = connection.accepted_tokens.clone();
                accepted.extend(known.iter().map(|known| AcceptedToken::by_digest(known.digest)));
                Admitted::masked(connection, Checked::against(slot, &accepted, delivery))
            }
            None => Admitted::masked(connection, Checked::without_slot(delivery)),
        };
        Ok(calls.verify(&admitted).await)
    }
}

/// A verdict for programs: `verdict` (`authentic`, `unauthenticated`, `unreadable`), `why`, and the `events` read. People are
/// in those.
pub fn document(connection: &str, verdict: &Verdict) -> Value {
    let (word, events, why) = match verdict {
        Verdict::Authentic(events) => ("authentic", events.as_slice(), None),
        Verdict::Unauthenticated(why) => ("unauthenticated", [].as_slice(), Some(why)),
        Verdict::Unreadable(why) => ("unreadable", [].as_slice(), Some(why)),
    };
    let events: Vec<_> = events.iter().map(event).collect();
    json!({"connection": connection, "verdict": word, "why": why, "events": events})
}

fn event(event: &ConsentEvent) -> Value {
    let identifiers = event.subject.identifiers().iter();
    let subject: Vec<_> =
        identifiers.map(|known| json!({"kind": known.kind, "value": known.value})).collect();
    json!({"key": event.key, "subject": subject, "preferences": event.preferences})
}
