//! One Iterable project: what it remembers, and the plain functions that change it.

use std::collections::BTreeMap;

use clap::ValueEnum;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::clock::later;
use crate::deliveries::Outbox;
use crate::limits::Limiter;
use crate::refusal::Refusal;
use crate::switches::{ReadLag, Switches, UserIdLag};

pub(crate) mod acts;
mod bulk;
pub(crate) mod catalogue;
mod erasure;
mod events;
mod fields;
pub(crate) mod people;
mod profiles;
mod reading;
mod subscriptions;
pub(crate) mod webhooks;

pub(crate) use erasure::HashList;
pub use people::{Identifier, Profile, Subscriptions};
pub(crate) use profiles::Change;
pub(crate) use reading::user_body;
pub(crate) use subscriptions::{Group, Move, Replacement};

use catalogue::Catalogue;
use erasure::Forgetting;
use people::{People, PersonId};
use webhooks::Webhook;

/// By what a project knows its people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ProjectType {
    /// E-mail is the key; userIds are optional and may repeat.
    #[default]
    Email,
    /// userId is the key.
    UserId,
    /// Either.
    Hybrid,
}

/// One project's memory. Its functions act at the time that the stand-in's clock shows.
#[derive(Debug)]
pub struct Project {
    pub(crate) id: u32,
    pub(crate) kind: ProjectType,
    pub(crate) switches: Switches,
    pub(crate) now: Timestamp,
    pub(crate) limiter: Limiter,
    pub(crate) outbox: Outbox,
    pub(crate) catalogue: Catalogue,
    people: People,
    forgetting: Forgetting,
    fields: BTreeMap<String, &'static str>,
    webhooks: Vec<Webhook>,
}

/// Whom a write addresses: the identifiers given, and the person where there is one.
#[derive(Clone, Debug)]
struct Target {
    email: Option<String>,
    user_id: Option<String>,
    person: Option<PersonId>,
}

impl Project {
    /// An empty project with its catalogue and one webhook.
    pub fn new(id: u32, kind: ProjectType, switches: Switches, now: Timestamp) -> Self {
        Self {
            id,
            kind,
            now,
            limiter: Limiter::default(),
            outbox: Outbox::default(),
            catalogue: Catalogue::new(&switches),
            people: People::default(),
            forgetting: Forgetting::new(switches.hash_encoding),
            fields: fields::system_fields(),
            webhooks: vec![Webhook::fresh(webhooks::FIRST)],
            switches,
        }
    }

    /// Brings the project to `now`: what fell due, happens.
    pub fn settle(&mut self, now: Timestamp) {
        self.now = now;
        self.forget_what_is_due();
    }

    /// Changes the switches of a running project. Its catalogue and the encoding of its hashes stay.
    pub fn set_switches(&mut self, switches: Switches) {
        self.switches = switches;
    }

    /// Whether the project keeps identifiers of that kind unique: two people may share any other.
    fn identifies(&self, id: &Identifier) -> bool {
        match (self.kind, id) {
            (ProjectType::Email, Identifier::UserId(_)) | (ProjectType::UserId, Identifier::Email(_)) => {
                false
            }
            (ProjectType::Email | ProjectType::Hybrid, Identifier::Email(_))
            | (ProjectType::UserId | ProjectType::Hybrid, Identifier::UserId(_)) => true,
        }
    }

    /// The person's true state, whatever reads show yet; none where nobody is there.
    pub fn person(&self, id: &Identifier) -> Option<&Profile> {
        self.people.seen(id, Timestamp::MAX)
    }

    /// What a read shows of a person now.
    pub(crate) fn read(&self, id: &Identifier) -> Result<Option<&Profile>, Refusal> {
        if let Identifier::Email(email) = id {
            check_email(email)?;
        }
        let found = self.people.seen(id, self.view_of(id));
        match (id, found) {
            (Identifier::UserId(_), None) => Err(Refusal::NoSuchUserId),
            (_, found) => Ok(found),
        }
    }

    /// The time whose state a look-up by this kind of identifier shows.
    fn view_of(&self, id: &Identifier) -> Timestamp {
        let lag = match (id, self.switches.user_id_lag) {
            (Identifier::UserId(_), UserIdLag::TwentySeconds) => 20,
            _ => 0,
        };
        later(self.now, SignedDuration::from_secs(-(self.read_lag() + lag)))
    }

    fn read_lag(&self) -> i64 {
        match self.switches.read_lag {
            ReadLag::None => 0,
            ReadLag::ThreeSeconds => 3,
            ReadLag::TwelveSeconds => 12,
            ReadLag::OneMinute => 60,
        }
    }

    /// Whom a write means. Refuses what names nobody, what is malformed, and whoever is forgotten.
    fn target(&self, email: Option<&str>, user_id: Option<&str>) -> Result<Target, Refusal> {
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
                // Known by address under another userId, which is the person's for good.
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

    /// The person addressed, made where nobody is there yet.
    fn found_or_made(&mut self, target: &Target) -> PersonId {
        target.person.unwrap_or_else(|| {
            let email = target.email.clone();
            let profile = Profile::new(email, target.user_id.clone(), self.now);
            self.people.add(profile, self.now)
        })
    }

    /// Everything that happened to a person whom a look-up shows, oldest first.
    pub(crate) fn events_of(&self, id: &Identifier) -> &[Value] {
        self.people.find(id, self.view_of(id)).map_or(&[], |person| self.people.events(person))
    }
}

/// An address as the recordings show Iterable to take one: a name, one `@`, a domain with a dot; at most 254 characters.
pub(crate) fn check_email(email: &str) -> Result<(), Refusal> {
    let sound = match email.trim().split_once('@') {
        Some((name, domain)) => {
            let dotted = domain.split('.').count() > 1 && domain.split('.').all(|part| !part.is_empty());
            !name.is_empty() && dotted && !domain.contains('@') && !email.trim().contains(char::is_whitespace)
        }
        None => false,
    };
    if sound && email.len() <= 254 { Ok(()) } else { Err(Refusal::InvalidEmail(email.to_owned())) }
}

/// At most 52 ASCII characters, not empty, no blank at the end.
pub(crate) fn check_user_id(id: &str) -> Result<(), Refusal> {
    let sound = !id.is_empty() && id.len() <= 52 && id.is_ascii() && !id.ends_with(' ');
    if sound { Ok(()) } else { Err(Refusal::InvalidUserId(id.to_owned())) }
}
