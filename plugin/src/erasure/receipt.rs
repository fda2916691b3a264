//! The receipt of an erasure.

use super::{
    reference,
    table::{Finding, ForgetAnswer, Proof, Status, finding},
};
use crate::subject::Person;

/// The proof of an erasure, or its progress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The status of the identifier that is least complete.
    pub status: Status,
    /// What Iterable answered or showed for each identifier, free of personal data.
    pub evidence: String,
    /// Iterable's answers, for [`super::confirm()`]; free of personal data.
    pub reference: Option<String>,
    /// When to call [`super::confirm()`], in milliseconds from now. `None` if Iterable will never show more than this.
    pub confirm_after_ms: Option<u64>,
}

impl Receipt {
    /// One receipt for all identifiers of the subject.
    pub(super) fn of(looks: &[(&Person, ForgetAnswer, Proof)]) -> Self {
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
