//! What a request holds of a person, sealed with a key of its own, so that its end forgets it.

use serde::{Deserialize, Serialize};

use crate::{error::StoreError, seal::DataKey};
use host_model::{
    consent::outbound::Plan,
    contract::{Identifier, Subject, consent::Preference},
};

/// What only the vendor is to learn: the person, and the choices that are still to be applied. Sealed under the request's
/// own key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
    /// The person.
    pub subject: Subject,
    /// Empty unless the request is about consent.
    pub plan: Plan,
    /// An event that a reading is to take in if the vendor still has the person, who was erased here; `None` if there
    /// is none.
    pub withheld: Option<Withheld>,
}

/// An event of the vendor's about a person who was erased here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withheld {
    /// The id of the delivery that brought it.
    pub delivery: String,
    /// The event's own key.
    pub key: String,
    /// What the person chose.
    pub preferences: Vec<Preference>,
    /// When the delivery came, in milliseconds since 1970 in UTC.
    pub received_at: i64,
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
    /// Of a request that asks for nothing but its person.
    pub fn about(subject: &Subject) -> Self {
        Self { subject: subject.clone(), plan: Plan::default(), withheld: None }
    }

    /// These details, sealed for the request `id` under `key`, which is its own.
    pub fn sealed(&self, key: &DataKey, id: &str) -> Result<Vec<u8>, StoreError> {
        let subject = self.subject.identifiers().iter().map(|i| (i.kind.clone(), i.value.clone())).collect();
        let written = Written { subject, plan: self.plan.clone(), withheld: self.withheld.clone() };
        key.seal_json(&context(id), &written)
    }

    /// What was sealed for the request `id` under `key`.
    pub fn open(key: &DataKey, id: &str, sealed: &[u8]) -> Result<Self, StoreError> {
        let written: Written = key.open_json(&context(id), sealed)?;
        let subject = written.subject.into_iter().map(|(kind, value)| Identifier { kind, value });
        let subject = subject.collect::<Vec<_>>().into();
        Ok(Self { subject, plan: written.plan, withheld: written.withheld })
    }
}

/// Where a request's details belong.
fn context(id: &str) -> String {
    format!("request {id} details")
}

/// The context that the sealed key of the request `id` is bound to.
pub fn key_context(id: &str) -> String {
    format!("request {id} key")
}
