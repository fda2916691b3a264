//! The personal data of a request, sealed with a key of its own, so that it is forgotten when the request ends.
//! Tested in `src/queue/tests.rs`.

use serde::{Deserialize, Serialize};

use crate::{error::StoreError, seal::DataKey};
use host_model::{
    consent::outbound::Plan,
    contract::{Identifier, Subject, consent::Preference},
};

/// The data meant only for the vendor: the person, and the choices that are still to be applied. Sealed with the
/// request's own key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
    /// The person.
    pub subject: Subject,
    /// The choices to apply; empty unless the request is about consent.
    pub plan: Plan,
    /// An event to record if a reading finds that the vendor still has the person, who was erased here; `None` if there
    /// is none.
    pub withheld: Option<WithheldEvent>,
}

/// A vendor's event about a person who was erased here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WithheldEvent {
    /// The id of the delivery that contained it.
    pub delivery: String,
    /// The event's own key.
    pub key: String,
    /// What the person chose.
    pub preferences: Vec<Preference>,
    /// When the delivery was received, in milliseconds since the Unix epoch.
    pub received_at: i64,
}

/// The format of details before they are sealed.
#[derive(Serialize, Deserialize)]
struct DetailsJson {
    subject: Vec<(String, String)>,
    plan: Plan,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    withheld: Option<WithheldEvent>,
}

impl Details {
    /// Creates the details of a request that contains only a person.
    pub fn about(subject: &Subject) -> Self {
        Self { subject: subject.clone(), plan: Plan::default(), withheld: None }
    }

    /// Seals these details for the request `id` with `key`, which must be the request's own.
    pub fn sealed(&self, key: &DataKey, id: &str) -> Result<Vec<u8>, StoreError> {
        let subject = self.subject.identifiers().iter().map(|i| (i.kind.clone(), i.value.clone())).collect();
        let written = DetailsJson { subject, plan: self.plan.clone(), withheld: self.withheld.clone() };
        key.seal_json(&context(id), &written)
    }

    /// Opens the details that were sealed for the request `id` with `key`.
    pub fn open(key: &DataKey, id: &str, sealed: &[u8]) -> Result<Self, StoreError> {
        let written: DetailsJson = key.open_json(&context(id), sealed)?;
        let subject = written.subject.into_iter().map(|(kind, value)| Identifier { kind, value });
        let subject = subject.collect::<Vec<_>>().into();
        Ok(Self { subject, plan: written.plan, withheld: written.withheld })
    }
}

/// Returns the sealing context of a request's details.
fn context(id: &str) -> String {
    format!("request {id} details")
}

/// Returns the sealing context of the key of the request `id`.
pub fn key_context(id: &str) -> String {
    format!("request {id} key")
}
