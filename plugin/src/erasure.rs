//! The right to be forgotten: `users/forget` for every identifier that the project knows people by, proven later.

mod confirm;
mod reference;
pub mod table;

pub use confirm::{PendingErasure, confirm};

use self::table::{Answer, Finding, Proof, finding};
use crate::{
    error::{Error, ErrorKind},
    http::Vendor,
    iterable::{
        client::Client,
        request,
        response::{Meaning, Refusal},
    },
    settings::{ProjectType, Settings},
    subject::{self, Identifier, Person},
};

/// How far an erasure is, the least complete first. An erasure that found the person under one identifier and nobody
/// under another is an erasure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Iterable took the request, and the proof is not complete.
    Accepted,
    /// Nothing is left to read, and the list of the forgotten holds the person.
    Erased,
    /// There was nobody to erase.
    NotFound,
}

/// What proves an erasure, or says how far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The least complete of all identifiers'.
    pub status: Status,
    /// What Iterable answered or showed for each identifier, free of personal data.
    pub evidence: String,
    /// What Iterable answered, for [`confirm()`]; free of personal data.
    pub reference: Option<String>,
    /// When [`confirm()`] makes sense, in milliseconds; none where Iterable will never show more.
    pub confirm_after_ms: Option<u64>,
}

/// Forgets the person under every identifier that the project knows people by. Repeating it succeeds.
///
/// An identifier that Iterable refuses does not keep the others from being forgotten; the refusal is the error then.
pub fn erase(settings: &Settings, vendor: &mut dyn Vendor, subject: &[Identifier]) -> Result<Receipt, Error> {
    let people = subject::people(settings.project_type, subject)?;
    let mut client = Client::new(vendor);
    let mut refused = None;
    let mut answers = Vec::new();
    for person in &people {
        match forget(settings, &mut client, person) {
            Ok(answer) => answers.push(answer),
            Err(error) if error.kind == ErrorKind::Rejected => refused = refused.or(Some(error)),
            Err(error) => return Err(error),
        }
    }
    if let Some(error) = refused {
        return Err(Error { may_have_acted: error.may_have_acted || client.has_acted(), ..error });
    }
    let looks: Vec<_> =
        people.iter().zip(answers).map(|(person, answer)| (person, answer, Proof::NotLooked)).collect();
    Ok(receipt(&looks))
}

fn forget(settings: &Settings, client: &mut Client, person: &Person) -> Result<Answer, Error> {
    let request = request::forget(person);
    let operation = request.operation;
    match client.write(request)? {
        Ok(_) => Ok(Answer::Taken),
        Err(refusal) => match refusal.meaning {
            Meaning::Forgotten => Ok(Answer::AlreadyForgotten),
            Meaning::UnknownPerson => Ok(Answer::UnknownPerson),
            _ => {
                let advice = advice(settings.project_type, person, &refusal);
                Err(client.fail(operation, refusal, &advice))
            }
        },
    }
}

fn advice(project: ProjectType, person: &Person, refusal: &Refusal) -> String {
    let kind = person.kind();
    match (refusal.kind, refusal.meaning) {
        (_, Meaning::InvalidPerson) => format!("it takes the {kind} for malformed"),
        (ErrorKind::Rejected, _) => {
            let project = match project {
                ProjectType::Email => "email",
                ProjectType::UserId => "user-id",
                ProjectType::Hybrid => "hybrid",
            };
            format!("is this project known to Iterable by {kind}? Setting `project-type` is `{project}`")
        }
        _ => String::new(),
    }
}

/// One receipt for everybody that the subject is.
fn receipt(looks: &[(&Person, Answer, Proof)]) -> Receipt {
    let findings = || looks.iter().map(|(person, answer, proof)| (person.kind(), finding(*answer, *proof)));
    let status = findings().map(|(_, Finding { status, .. })| status).min().unwrap_or(Status::Accepted);
    let evidence: Vec<_> =
        findings().map(|(kind, Finding { evidence, .. })| format!("{kind}: {evidence}")).collect();
    let open = status == Status::Accepted;
    let answers: Vec<_> = looks.iter().map(|(_, answer, _)| *answer).collect();
    Receipt {
        status,
        evidence: evidence.join("; "),
        reference: open.then(|| reference::write(&answers)),
        confirm_after_ms: findings().filter_map(|(_, finding)| finding.confirm_after_ms).max(),
    }
}

#[cfg(test)]
mod tests;
