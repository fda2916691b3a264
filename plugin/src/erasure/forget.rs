//! Asks Iterable to forget one person.
//! Tested in `src/erasure/tests.rs`.

use super::table::ForgetAnswer;
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

/// Sends the request and returns Iterable's answer. A refusal that matches no [`ForgetAnswer`] is an error, with advice
/// for the operator.
pub(super) fn forget(
    settings: &Settings,
    client: &mut Client,
    person: &Person,
) -> Result<ForgetAnswer, Error> {
    let request = request::forget(person);
    let operation = request.operation;
    match client.write(request)? {
        Ok(_) => Ok(ForgetAnswer::Taken),
        Err(refusal) => match refusal.meaning {
            Meaning::Forgotten => Ok(ForgetAnswer::AlreadyForgotten),
            Meaning::UnknownPerson => Ok(ForgetAnswer::UnknownPerson),
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
        (_, Meaning::InvalidPerson) => format!("it considers the {kind} malformed"),
        (ErrorKind::Rejected, _) => {
            let project = match project {
                ProjectType::Email => "email",
                ProjectType::UserId => "user-id",
                ProjectType::Hybrid => "hybrid",
            };
            format!("does this project identify people by {kind}? Setting `project-type` is `{project}`")
        }
        _ => String::new(),
    }
}
