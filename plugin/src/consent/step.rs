//! One choice that has to be written, and its fate.

use super::{catalogue::Target, choice::Choice};
use crate::{
    error::{Error, ErrorKind},
    iterable::{
        client::Client,
        response::{Done, Meaning, Refusal},
    },
    manifest::operation::Operation,
};

/// One choice that has to be written.
#[derive(Clone, Copy)]
pub(super) struct Step {
    /// The index of the preference.
    pub(super) at: usize,
    pub(super) target: Target,
    pub(super) choice: Choice,
}

/// The result of writing a choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Applied,
    Pending(&'static str),
    Refused(String),
    /// The person is erased, which affects all choices.
    Forgotten,
}

impl Fate {
    /// Interprets the answer to the write of a choice.
    pub(super) fn of(
        client: &Client,
        operation: &Operation,
        answer: Result<Done, Refusal>,
    ) -> Result<Self, Error> {
        match answer {
            Ok(Done::Now) => Ok(Self::Applied),
            Ok(Done::Later) => Ok(Self::Pending("Iterable accepted it and will apply it later")),
            Err(refusal) => match (refusal.meaning, refusal.kind) {
                (Meaning::Forgotten, _) => Ok(Self::Forgotten),
                (Meaning::UnknownPerson, _) => {
                    Ok(Self::Pending("some parts of Iterable do not know the person yet"))
                }
                (Meaning::Other, ErrorKind::Rejected) => {
                    Ok(Self::Refused(format!("Iterable refused it ({})", refusal.brief())))
                }
                _ => Err(client.fail(operation, refusal, "")),
            },
        }
    }
}
