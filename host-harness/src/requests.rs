//! Requests: durable pieces of work, each accepted only once it is stored and never lost after that.
//!
//! `accept` stores one, `worker` carries out what is due, `retry` says what an attempt's end means. A request's row is
//! its place in the queue; what an attempt changes, it changes in one transaction, and only while its claim holds.

pub(crate) mod accept;
pub(crate) mod attempt;
pub(crate) mod breaker;
pub(crate) mod deadline;
pub(crate) mod forecast;
pub(crate) mod retry;
pub(crate) mod worker;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    connection::Duty,
    consent::outbound::Plan,
    contract::{Identifier, Subject, consent::Preference},
    store::{DataKey, StoreError, words},
};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Erase the person.
    Erasure,
    /// Make the vendor hold the person's choices.
    Consent,
    /// Read what the vendor holds for the person, for choices that no webhook told.
    Reading,
}

/// Where a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// For its next attempt.
    Waiting,
    /// An attempt is under way.
    Running,
    /// It was carried out: see the outcome.
    Done,
    /// It cannot be carried out: see the reason.
    Failed,
    /// There was nothing to do for this person here: see the reason.
    Skipped,
    /// Day 25 has come without an end.
    Expired,
}

/// What the next attempt does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// What was asked.
    Act,
    /// Look whether an erasure took effect, or whether one that was not answered did.
    Confirm,
}

words!(Action { Erasure = "erasure", Consent = "consent", Reading = "reading" });
impl Action {
    /// What the connection has to be used for.
    pub(crate) fn duty(self) -> Duty {
        match self {
            Self::Erasure => Duty::Erasure,
            Self::Consent | Self::Reading => Duty::Consent,
        }
    }
}
words!(State {
    Waiting = "waiting",
    Running = "running",
    Done = "done",
    Failed = "failed",
    Skipped = "skipped",
    Expired = "expired",
});
words!(Step { Act = "act", Confirm = "confirm" });

/// What only the vendor is to learn: the person, and the choices that are still to be applied. Sealed under the request's
/// own key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Details {
    pub(crate) subject: Subject,
    /// Empty unless the request is about consent.
    pub(crate) plan: Plan,
    /// What a reading is to take in if the vendor still has the person, who was erased here.
    pub(crate) withheld: Option<Withheld>,
}

/// An event of the vendor's about a person who was erased here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Withheld {
    /// The id of the delivery that brought it.
    pub(crate) delivery: String,
    /// The event's own key.
    pub(crate) key: String,
    /// What the person chose.
    pub(crate) preferences: Vec<Preference>,
    /// When the delivery came, in milliseconds since 1970 in UTC.
    pub(crate) received_at: i64,
}

/// How details are written before they are sealed.
#[derive(Serialize, Deserialize)]
struct Written {
    subject: Vec<(String, String)>,
    plan: Plan,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    withheld: Option<Withheld>,
}

impl Details {
    /// Sealed for the request `id`.
    pub(crate) fn sealed(&self, key: &DataKey, id: &str) -> Result<Vec<u8>, StoreError> {
        let subject = self.subject.identifiers().iter().map(|i| (i.kind.clone(), i.value.clone())).collect();
        let written = Written { subject, plan: self.plan.clone(), withheld: self.withheld.clone() };
        let plain =
            serde_json::to_vec(&written).map_err(|error| StoreError::Unreadable(error.to_string()))?;
        Ok(key.seal(&context(id), &Zeroizing::new(plain))?)
    }

    /// What was sealed for the request `id`.
    pub(crate) fn open(key: &DataKey, id: &str, sealed: &[u8]) -> Result<Self, StoreError> {
        let plain = key.open(&context(id), sealed)?;
        // Serde's words could quote what it read.
        let written: Written = serde_json::from_slice(&plain)
            .map_err(|_| StoreError::Unreadable("the details of a request".to_owned()))?;
        let subject = written.subject.into_iter().map(|(kind, value)| Identifier { kind, value });
        let subject = subject.collect::<Vec<_>>().into();
        Ok(Self { subject, plan: written.plan, withheld: written.withheld })
    }
}

/// Where a request's details belong.
fn context(id: &str) -> String {
    format!("request {id} details")
}

/// Where a request's key belongs.
pub(crate) fn key_context(id: &str) -> String {
    format!("request {id} key")
}
