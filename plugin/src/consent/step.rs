//! One choice that has to be written, and what becomes of it.

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
    /// The preference's place.
    pub(super) at: usize,
    pub(super) target: Target,
    pub(super) choice: Choice,
}

/// What became of a choice that had to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Applied,
    Pending(&'static str),
    Refused(String),
    /// Of no choice alone: the person is erased.
    Forgotten,
}

impl Fate {
    /// What an answer to a write says of the choice written.
    pub(super) fn of(
        client: &Client,
        operation: &Operation,
        answer: Result<Done, Refusal>,
    ) -> Result<Self, Error> {
        match answer {
            Ok(Done::Now) => Ok(Self::Applied),
            Ok(Done::Later) => Ok(Self::Pending("Iterable took it and applies it later")),
            Err(refusal) => match (refusal.meaning, refusal.kind) {
                (Meaning::Forgotten, _) => Ok(Self::Forgotten),
                (Meaning::UnknownPerson, _) => {
                    Ok(Self::Pending("not every part of Iterable knows the person yet"))
                }
                (Meaning::Other, ErrorKind::Rejected) => {
                    Ok(Self::Refused(format!("Iterable refused it ({})", refusal.brief())))
                }
                _ => Err(client.fail(operation, refusal, "")),
            },
        }
    }
}
