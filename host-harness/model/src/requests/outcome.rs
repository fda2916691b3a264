//! The results of requests and their attempts, as stored: JSON objects with a single member that names the type.

use serde::{Deserialize, Serialize};

use crate::{
    consent::outbound::RequestEntry,
    contract::{ConnectorError, consent::Report, erasure::Receipt},
    failure::CallFailure,
};

/// The outcome of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The receipt of an erasure.
    Receipt(Receipt),
    /// The report on choices: one entry for each notice and item.
    Report(Vec<RequestEntry>),
    /// The result of a reading.
    Reading(ReadOutcome),
}

/// The result of reading a person at the vendor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ReadOutcome {
    /// The person was found and their choices were compared with the recorded ones.
    Found {
        /// Number of compared choices.
        compared: usize,
        /// Number of choices that differed at the vendor.
        changed: usize,
    },
    /// The vendor does not know the person, as a fixed phrase.
    Nobody(String),
}

impl ReadOutcome {
    /// Creates the result for a person whom the vendor does not know.
    pub fn nobody() -> Self {
        Self::Nobody("unknown to the vendor".to_owned())
    }
}

/// The result of an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttemptResult {
    /// A receipt of an erasure.
    Receipt(Receipt),
    /// The connector's report on choices.
    Report(Report),
    /// Number of choices the vendor holds; `None` if it does not know the person.
    Read(Option<usize>),
    /// Nothing was sent; always `true`.
    NothingSent(bool),
    /// The connector's error.
    Error(ConnectorError),
    /// Why the sandbox ended the call.
    EndedBySandbox(CallFailure),
    /// The database error.
    Store(String),
    /// Why the stored data cannot be read.
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
