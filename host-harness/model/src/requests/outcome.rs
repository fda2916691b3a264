//! What came of requests and of their attempts, as it is stored: JSON whose one member says what it is.

use serde::{Deserialize, Serialize};

use crate::{
    consent::outbound::Entry,
    contract::{ConnectorError, consent::Report, erasure::Receipt},
    failure::CallFailure,
};

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Of an erasure.
    Receipt(Receipt),
    /// Of choices: one entry for each notice and item.
    Report(Vec<Entry>),
    /// Of a reading.
    Reading(Reading),
}

/// What a reading found at the vendor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Reading {
    /// How many choices were compared, and in how many of them the vendor held another one than was known here.
    Found {
        /// Compared.
        compared: usize,
        /// Held otherwise.
        changed: usize,
    },
    /// The vendor does not know the person: says so in words.
    Nobody(String),
}

impl Reading {
    /// The vendor does not know the person.
    pub fn nobody() -> Self {
        Self::Nobody("unknown to the vendor".to_owned())
    }
}

/// What came back from an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttemptResult {
    /// A receipt of an erasure.
    Receipt(Receipt),
    /// The connector's report on choices.
    Report(Report),
    /// How many choices the vendor holds; `None` if it does not know the person.
    Read(Option<usize>),
    /// Nothing was sent; always `true`.
    NothingSent(bool),
    /// The connector's error.
    Error(ConnectorError),
    /// Why the sandbox ended the call.
    EndedBySandbox(CallFailure),
    /// What the database did not do.
    Store(String),
    /// Why what is stored cannot be read.
    Unreadable(String),
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_version_0_1_0_stored_is_read_and_written_the_same() {
        for stored in [
            json!({"receipt": {"status": "not-found", "evidence": "e", "reference": null, "confirm-after-ms": 660_000}}),
            json!({"report": [{"notice_id": "n-1", "item": null, "status": "no-update-needed", "why": "w"}]}),
            json!({"reading": {"compared": 3, "changed": 1}}),
            json!({"reading": "unknown to the vendor"}),
        ] {
            let read: Outcome = serde_json::from_value(stored.clone()).unwrap();
            assert_eq!(json!(read), stored);
        }
        for stored in [
            json!({"report": {"items": [], "standing": "known", "settles-after-ms": null}}),
            json!({"read": 8}),
            json!({"read": null}),
            json!({"nothing-sent": true}),
            json!({"error": {"kind": "rate-limited", "code": "c", "message": "m", "retry_after_ms": 1, "may_have_acted": false}}),
            json!({"ended-by-sandbox": {"kind": "deadline-passed", "detail": "d", "may_have_acted": true}}),
            json!({"store": "closed"}),
            json!({"unreadable": "u"}),
        ] {
            let read: AttemptResult = serde_json::from_value(stored.clone()).unwrap();
            assert_eq!(json!(read), stored);
        }
    }
}
