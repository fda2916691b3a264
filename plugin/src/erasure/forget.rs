//! The request to forget one person.

use super::table::Answer;
use crate::{
    error::{Error, ErrorKind},
    iterable::{
        client::Client,
        request,
        response::{Meaning, Refusal},
    },
    settings::{ProjectType, Settings},
    subject::Person,
};

/// What Iterable answers. A refusal that is none of the answers is an error, with advice for the operator.
pub(super) fn forget(settings: &Settings, client: &mut Client, person: &Person) -> Result<Answer, Error> {
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
