//! What an erasure is shown by.

use super::{
    reference,
    table::{Answer, Finding, Proof, Status, finding},
};
use crate::subject::Person;

/// What proves an erasure, or says how far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The least complete of all identifiers'.
    pub status: Status,
    /// What Iterable answered or showed for each identifier, free of personal data.
    pub evidence: String,
    /// What Iterable answered, for [`super::confirm()`]; free of personal data.
    pub reference: Option<String>,
    /// When [`super::confirm()`] makes sense, in milliseconds; none where Iterable will never show more.
    pub confirm_after_ms: Option<u64>,
}

impl Receipt {
    /// One for everybody that the subject is.
    pub(super) fn of(looks: &[(&Person, Answer, Proof)]) -> Self {
        let findings =
            || looks.iter().map(|(person, answer, proof)| (person.kind(), finding(*answer, *proof)));
        let status = findings().map(|(_, Finding { status, .. })| status).min().unwrap_or(Status::Accepted);
        let evidence: Vec<_> =
            findings().map(|(kind, Finding { evidence, .. })| format!("{kind}: {evidence}")).collect();
        let open = status == Status::Accepted;
        let answers: Vec<_> = looks.iter().map(|(_, answer, _)| *answer).collect();
        Self {
            status,
            evidence: evidence.join("; "),
            reference: open.then(|| reference::write(&answers)),
            confirm_after_ms: findings().filter_map(|(_, finding)| finding.confirm_after_ms).max(),
        }
    }
}
