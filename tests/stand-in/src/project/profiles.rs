//! Writing, merging and deleting profiles.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::identifiers::check_email;
use super::memory::{Project, ProjectType};
use super::people::{Identifier, PersonId, Profile};
use super::target::PersonRef;
use crate::refusal::Refusal;
use crate::switches::DeleteUnknown;

/// A change of one profile.
#[derive(Clone, Debug, Default)]
pub(crate) struct Change {
    pub(crate) email: Option<String>,
    pub(crate) user_id: Option<String>,
    pub(crate) data: Map<String, Value>,
    pub(crate) prefer_user_id: bool,
    pub(crate) nested: Nested,
}

/// What happens to the members of an existing object that a write contains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Nested {
    #[default]
    Replace,
    Merge,
}

/// Fields that a profile write does not set. Subscriptions have their own routes.
const OWN: [&str; 6] = [
    "email",
    "emailListIds",
    "userListIds",
    "unsubscribedChannelIds",
    "unsubscribedMessageTypeIds",
    "subscribedMessageTypeIds",
];

impl Project {
    /// Returns every field that the project knows, with its type.
    pub(crate) fn fields(&self) -> Value {
        self.fields.to_json()
    }

    /// Creates or changes a person, as `users/update` does.
    pub(crate) fn update(&mut self, change: &Change) -> Result<(), Refusal> {
        let mut target = self.target(PersonRef::new(change.email.as_ref(), change.user_id.as_ref()))?;
        self.fields.check(self.id, &change.data)?;
        if let (None, Some(id), true) = (&target.person, &target.user_id, target.email.is_none())
            && self.kind == ProjectType::Email
        {
            if !change.prefer_user_id {
                return Err(Refusal::UnknownUserIdError(id.clone()));
            }
            target.email = Some(format!("{id}@placeholder.email"));
        }
        self.fields.learn(&change.data);
        let person = self.find_or_create(&target);
        let by_email = self.kind == ProjectType::Email;
        self.people.edit(person, self.now, |profile| {
            profile.email = target.email.or(profile.email.take());
            profile.user_id = target.user_id.or(profile.user_id.take());
            for (name, value) in &change.data {
                match (name.as_str(), value) {
                    // In other projects the userId identifies the person, and a field does not change it.
                    ("userId", Value::String(id)) if by_email => profile.user_id = Some(id.clone()),
                    ("userId", _) => {}
                    _ => set_field(profile, name, value, change.nested),
                }
            }
        });
        Ok(())
    }

    /// Changes a person's address. Only email-based projects allow it.
    pub(crate) fn update_email(&mut self, current: &Identifier, new: &str) -> Result<(), Refusal> {
        if self.kind != ProjectType::Email {
            return Err(Refusal::BadParams("updateEmail is for email-based projects".to_owned()));
        }
        if let Identifier::Email(email) = current {
            check_email(email).map_err(|_| Refusal::InvalidCurrentEmail(email.clone()))?;
        }
        check_email(new)?;
        let new = Identifier::email(new);
        if self.is_forgotten(&new) || self.is_forgotten(current) {
            return Err(Refusal::Forgotten);
        }
        let person = self.people.find(current, Timestamp::MAX).ok_or_else(|| match current {
            Identifier::Email(email) => {
                Refusal::BadParams(format!("User does not exist. Email: {email} UserId: "))
            }
            Identifier::UserId(id) => Refusal::UnknownUserIdError(id.clone()),
        })?;
        if self.people.find(&new, Timestamp::MAX).is_some_and(|other| other != person) {
            return Err(Refusal::Taken("EmailAlreadyExists"));
        }
        let (now, Identifier::Email(email) | Identifier::UserId(email)) = (self.now, new);
        self.people.edit(person, now, |profile| {
            profile.email = Some(email);
            profile.created = now;
        });
        Ok(())
    }

    /// Merges one person into another. If the destination does not exist, the source is renamed.
    pub(crate) fn merge(&mut self, source: &Identifier, destination: &Identifier) -> Result<(), Refusal> {
        if self.is_forgotten(source) || self.is_forgotten(destination) {
            return Err(Refusal::Forgotten);
        }
        let from = self.people.find(source, Timestamp::MAX);
        let from = from.ok_or_else(|| Refusal::BadParams("Source user does not exist".to_owned()))?;
        let Some(into) = self.people.find(destination, Timestamp::MAX) else {
            self.people.edit(from, self.now, |profile| match destination.clone() {
                Identifier::Email(email) => profile.email = Some(email),
                Identifier::UserId(id) => profile.user_id = Some(id),
            });
            return Ok(());
        };
        if from == into {
            return Ok(());
        }
        let Some(source) = self.people.latest(from).cloned() else { return Ok(()) };
        self.people.write(from, None, self.now);
        self.people.edit(into, self.now, |profile| {
            for (name, value) in source.data {
                profile.data.entry(name).or_insert(value);
            }
            profile.subscriptions = profile.subscriptions.take().or(source.subscriptions);
        });
        Ok(())
    }

    /// Deletes by address. A success whether or not the person exists.
    pub(crate) fn delete_by_email(&mut self, email: &str) -> Result<(), Refusal> {
        check_email(email)?;
        if self.kind == ProjectType::UserId {
            return Err(Refusal::BadParams("This project identifies users by userId".to_owned()));
        }
        self.erase_all(&self.people.find_all(&Identifier::email(email), Timestamp::MAX), self.now);
        Ok(())
    }

    /// Deletes everyone with this userId whom the lagging index shows.
    pub(crate) fn delete_by_user_id(&mut self, id: &str) -> Result<(), Refusal> {
        let identifier = Identifier::user_id(id);
        let found = self.people.find_all(&identifier, self.view_of(&identifier));
        if found.is_empty() {
            return Err(Refusal::BadParams(match self.switches.delete_unknown {
                // Two spaces: the address between them is empty.
                DeleteUnknown::DoesNotExist => format!("User does not exist. Email:  UserId: {id}"),
                DeleteUnknown::Old => format!("No users with userId {id} exist"),
            }));
        }
        self.erase_all(&found, self.now);
        Ok(())
    }

    pub(super) fn erase_all(&mut self, people: &[PersonId], at: Timestamp) {
        for person in people {
            self.people.write(*person, None, at);
        }
    }
}

fn set_field(profile: &mut Profile, name: &str, value: &Value, nested: Nested) {
    if OWN.contains(&name) {
        return;
    }
    match (name, value) {
        (_, Value::Null) => {
            profile.data.remove(name);
        }
        (_, Value::Object(new)) if nested == Nested::Merge => match profile.data.get_mut(name) {
            Some(Value::Object(old)) => old.extend(new.clone()),
            _ => {
                profile.data.insert(name.to_owned(), value.clone());
            }
        },
        _ => {
            profile.data.insert(name.to_owned(), value.clone());
        }
    }
}
