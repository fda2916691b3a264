//! What the host itself observed in calls.

use serde::{Deserialize, Serialize};

use super::{claim::Claim, manifest::Effect};

/// A request that a call sent, without personal data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ObservedRequest {
    /// The operation's name.
    pub operation: String,
    /// The operation's effect.
    pub effect: Effect,
    /// The status of the answer; `None` if there was no answer.
    pub status: Option<u16>,
    /// When it was sent, in milliseconds since 1970 in UTC.
    pub sent_at_ms: i64,
    /// The time until the end of its answer, in milliseconds.
    pub took_ms: u64,
}

/// What the host observed in a call, or in the calls of an attempt.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Observed {
    /// The requests, in order. In the receipt of a call for several people, those that contained another person's
    /// identifiers only are left out.
    pub requests: Vec<ObservedRequest>,
    /// Whether a request that was answered contained an identifier of the person, or the erasure's reference.
    pub names_person: bool,
    /// The reported outcomes that the requests do not support, and that the manifest exempts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exempt: Vec<Claim>,
}

impl Observed {
    /// Adds what was observed in a later call.
    pub fn extend(&mut self, later: Self) {
        self.requests.extend(later.requests);
        self.names_person |= later.names_person;
        self.exempt.extend(later.exempt);
    }
}
