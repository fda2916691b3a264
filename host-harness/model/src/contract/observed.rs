//! What the host itself observed in calls.

use serde::{Deserialize, Serialize};

use super::{claim::Claim, manifest::Effect};

/// Where an operation is sent, as its manifest declares it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationTarget {
    /// The HTTP method, in capitals.
    pub method: String,
    /// The path with `{name}` for each blank, never filled in.
    pub path: String,
}

/// A request that a call sent, without personal data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ObservedRequest {
    /// The operation's name.
    pub operation: String,
    /// The operation's method and path; `None` in a record of an earlier version.
    #[serde(flatten)]
    pub target: Option<OperationTarget>,
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_record_of_a_version_that_kept_no_target_is_read() {
        let old =
            json!({"operation": "forget", "effect": "write", "status": 202, "sent-at-ms": 1, "took-ms": 2});
        let read: ObservedRequest = serde_json::from_value(old.clone()).unwrap();
        assert_eq!(read.target, None);
        assert_eq!(serde_json::to_value(&read).unwrap(), old);
        let target = OperationTarget { method: "POST".to_owned(), path: "/users/{email}".to_owned() };
        let new = ObservedRequest { target: Some(target), ..read };
        let stored = serde_json::to_value(&new).unwrap();
        assert_eq!((&stored["method"], &stored["path"]), (&json!("POST"), &json!("/users/{email}")));
        assert_eq!(serde_json::from_value::<ObservedRequest>(stored).unwrap(), new);
    }
}
