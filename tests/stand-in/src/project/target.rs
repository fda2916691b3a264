//! The person whom a write addresses.

use jiff::Timestamp;

use super::identifiers::{check_email, check_user_id};
use super::memory::{Project, ProjectType};
use super::people::{Identifier, PersonId, Profile};
use crate::refusal::Refusal;

/// A person as named in a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PersonRef<'a> {
    pub(crate) email: Option<&'a str>,
    pub(crate) user_id: Option<&'a str>,
}

impl<'a> PersonRef<'a> {
    pub(crate) fn new(email: Option<&'a String>, user_id: Option<&'a String>) -> Self {
        Self { email: email.map(String::as_str), user_id: user_id.map(String::as_str) }
    }

    pub(crate) fn email(email: &'a str) -> Self {
        Self { email: Some(email), user_id: None }
    }

    pub(crate) fn user_id(user_id: &'a str) -> Self {
        Self { email: None, user_id: Some(user_id) }
    }
}

/// The target of a write: the given identifiers, and the person if they exist.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) email: Option<String>,
    pub(super) user_id: Option<String>,
    pub(super) person: Option<PersonId>,
}

impl Project {
    /// Returns the target of a write. Refuses missing or malformed identifiers and forgotten people.
    pub(super) fn target(&self, person: PersonRef<'_>) -> Result<Target, Refusal> {
        let PersonRef { email, user_id } = person;
        if email.is_none() && user_id.is_none() {
            return Err(Refusal::BadParams("Either email or userId must be set: {}".to_owned()));
        }
        if let Some(email) = email {
            check_email(email)?;
        }
        if let Some(user_id) = user_id {
            check_user_id(user_id)?;
        }
        if self.kind == ProjectType::UserId && user_id.is_none() {
            return Err(Refusal::BadParams("This project identifies users by userId".to_owned()));
        }
        let by_email = email.map(Identifier::email);
        let by_id = user_id.map(Identifier::user_id);
        if by_email.iter().chain(&by_id).any(|id| self.is_forgotten(id)) {
            return Err(Refusal::Forgotten);
        }
        let find = |id: &Option<Identifier>| id.as_ref().and_then(|id| self.people.find(id, Timestamp::MAX));
        let person = match self.kind {
            ProjectType::Email if by_email.is_some() => find(&by_email),
            ProjectType::Email | ProjectType::UserId => find(&by_id),
            ProjectType::Hybrid => match (find(&by_id), find(&by_email)) {
                (Some(one), Some(other)) if one != other => return Err(Refusal::Taken("EmailAlreadyExists")),
                // Known by address under another userId, which never changes.
                (None, Some(one)) if user_id.is_some() && self.has_user_id(one) => {
                    return Err(Refusal::Taken("UserIdAlreadyExists"));
                }
                (one, other) => one.or(other),
            },
        };
        Ok(Target { email: email.map(str::to_owned), user_id: user_id.map(str::to_owned), person })
    }

    fn has_user_id(&self, person: PersonId) -> bool {
        self.people.latest(person).is_some_and(|profile| profile.user_id.is_some())
    }

    /// Returns the person addressed, and creates them if they do not exist.
    pub(super) fn find_or_create(&mut self, target: &Target) -> PersonId {
        target.person.unwrap_or_else(|| {
            let email = target.email.clone();
            let profile = Profile::new(email, target.user_id.clone(), self.now);
            self.people.add(profile, self.now)
        })
    }
}
