//! People and what reads show of them. Every profile keeps its versions of the last minutes, since reads lag behind
//! writes.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use crate::clock::later;

/// An identifier of a person.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Identifier {
    /// An e-mail address, compared trimmed and case-insensitively.
    Email(String),
    /// A userId, compared exactly.
    UserId(String),
}

impl Identifier {
    /// Identifies the person with this address.
    pub fn email(email: impl Into<String>) -> Self {
        Self::Email(email.into())
    }

    /// Identifies the person with this userId.
    pub fn user_id(id: impl Into<String>) -> Self {
        Self::UserId(id.into())
    }

    fn key(&self) -> Self {
        match self {
            Self::Email(email) => Self::Email(email.trim().to_lowercase()),
            Self::UserId(id) => Self::UserId(id.clone()),
        }
    }
}

impl From<&str> for Identifier {
    /// Creates an e-mail address if the text contains an `@`, otherwise a userId.
    fn from(text: &str) -> Self {
        if text.contains('@') { Self::email(text) } else { Self::user_id(text) }
    }
}

/// A person's profile.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// The address, as given.
    pub email: Option<String>,
    /// The userId.
    pub user_id: Option<String>,
    /// The fields that the customer wrote.
    pub data: Map<String, Value>,
    /// The subscriptions. `None` until the first subscription action.
    pub subscriptions: Option<Subscriptions>,
    /// How the person was created: `API`, `WebForm`, `Import`.
    pub signup_source: &'static str,
    /// When the person was created.
    pub created: Timestamp,
    /// When the profile last changed.
    pub updated: Timestamp,
}

/// The four arrays, as sent: order and repetitions are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subscriptions {
    /// Static lists that the person is on.
    pub lists: Vec<i64>,
    /// Channels that the person is unsubscribed from.
    pub unsubscribed_channels: Vec<i64>,
    /// Opt-out message types that the person is unsubscribed from.
    pub unsubscribed_message_types: Vec<i64>,
    /// Opt-in message types that the person is subscribed to.
    pub subscribed_message_types: Vec<i64>,
}

impl Profile {
    pub(crate) fn new(email: Option<String>, user_id: Option<String>, now: Timestamp) -> Self {
        Self {
            email,
            user_id,
            data: Map::new(),
            subscriptions: None,
            signup_source: "API",
            created: now,
            updated: now,
        }
    }

    fn is(&self, id: &Identifier) -> bool {
        match id {
            Identifier::Email(_) => {
                self.email.as_ref().is_some_and(|email| Identifier::email(email.as_str()).key() == *id)
            }
            Identifier::UserId(wanted) => self.user_id.as_ref() == Some(wanted),
        }
    }

    pub(crate) fn identifiers(&self) -> impl Iterator<Item = Identifier> {
        let email = self.email.as_deref().map(Identifier::email);
        email.into_iter().chain(self.user_id.as_deref().map(Identifier::user_id))
    }
}

/// The index of a person, which never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PersonId(usize);

/// All people of a project.
#[derive(Debug, Default)]
pub(crate) struct People {
    all: Vec<Person>,
    /// Everyone who has ever had the identifier.
    index: HashMap<Identifier, Vec<PersonId>>,
}

#[derive(Debug, Default)]
struct Person {
    /// The versions of the profile, oldest first. `None` if deleted.
    versions: Vec<(Timestamp, Option<Profile>)>,
    events: Vec<Value>,
}

/// How long versions are kept: longer than any read can lag.
const KEPT: SignedDuration = SignedDuration::from_mins(5);

impl Person {
    fn at(&self, time: Timestamp) -> Option<&Profile> {
        self.versions.iter().rev().find(|(since, _)| *since <= time).and_then(|(_, profile)| profile.as_ref())
    }

    fn write(&mut self, profile: Option<Profile>, now: Timestamp) {
        self.versions.push((now, profile));
        let past = later(now, -KEPT);
        let shown = self.versions.iter().rposition(|(since, _)| *since <= past).unwrap_or(0);
        self.versions.drain(..shown);
    }
}

impl People {
    pub(crate) fn add(&mut self, profile: Profile, now: Timestamp) -> PersonId {
        let id = PersonId(self.all.len());
        self.all.push(Person::default());
        self.write(id, Some(profile), now);
        id
    }

    /// Returns the person who had the identifier at `time`, or the first of several.
    pub(crate) fn find(&self, id: &Identifier, time: Timestamp) -> Option<PersonId> {
        self.find_all(id, time).first().copied()
    }

    pub(crate) fn find_all(&self, id: &Identifier, time: Timestamp) -> Vec<PersonId> {
        let key = id.key();
        let had = |person: &PersonId| self.at(*person, time).is_some_and(|profile| profile.is(&key));
        self.index.get(&key).into_iter().flatten().filter(|person| had(person)).copied().collect()
    }

    pub(crate) fn seen(&self, id: &Identifier, time: Timestamp) -> Option<&Profile> {
        self.find(id, time).and_then(|person| self.at(person, time))
    }

    pub(crate) fn at(&self, id: PersonId, time: Timestamp) -> Option<&Profile> {
        self.all.get(id.0).and_then(|person| person.at(time))
    }

    pub(crate) fn latest(&self, id: PersonId) -> Option<&Profile> {
        self.at(id, Timestamp::MAX)
    }

    pub(crate) fn write(&mut self, id: PersonId, profile: Option<Profile>, now: Timestamp) {
        for identifier in profile.iter().flat_map(Profile::identifiers) {
            let holders = self.index.entry(identifier.key()).or_default();
            if !holders.contains(&id) {
                holders.push(id);
            }
        }
        let Some(person) = self.all.get_mut(id.0) else { return };
        if profile.is_none() {
            person.events.clear();
        }
        person.write(profile, now);
    }

    /// Changes a profile, if it exists.
    pub(crate) fn edit(&mut self, id: PersonId, now: Timestamp, change: impl FnOnce(&mut Profile)) {
        let Some(mut profile) = self.latest(id).cloned() else { return };
        change(&mut profile);
        profile.updated = now;
        self.write(id, Some(profile), now);
    }

    /// Returns the profile of everyone who exists.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Profile> {
        self.all.iter().filter_map(|person| person.at(Timestamp::MAX))
    }

    pub(crate) fn events(&self, id: PersonId) -> &[Value] {
        self.all.get(id.0).map_or(&[], |person| &person.events)
    }

    pub(crate) fn note(&mut self, id: PersonId, event: Value) {
        if let Some(person) = self.all.get_mut(id.0) {
            person.events.push(event);
        }
    }
}
