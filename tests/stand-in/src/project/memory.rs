//! The state of a project.

use clap::ValueEnum;
use jiff::Timestamp;

use super::catalogue::Catalogue;
use super::fields::FieldTypes;
use super::forgetting::Forgetting;
use super::people::{Identifier, People, Profile};
use super::webhook::{FIRST, Webhook};
use crate::limits::Limiter;
use crate::outbox::Outbox;
use crate::switches::Switches;

/// How a project identifies people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ProjectType {
    /// By e-mail address; userIds are optional and may repeat.
    #[default]
    Email,
    /// By userId.
    UserId,
    /// By either.
    Hybrid,
}

/// The state of one project. Its functions act at the time of the stand-in's clock.
#[derive(Debug)]
pub struct Project {
    pub(crate) id: u32,
    pub(crate) kind: ProjectType,
    pub(crate) switches: Switches,
    pub(crate) now: Timestamp,
    pub(crate) limiter: Limiter,
    pub(crate) outbox: Outbox,
    pub(crate) catalogue: Catalogue,
    pub(super) people: People,
    pub(super) forgetting: Forgetting,
    pub(super) fields: FieldTypes,
    pub(super) webhooks: Vec<Webhook>,
}

impl Project {
    /// Creates an empty project with its catalogue and one webhook.
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
            fields: FieldTypes::system(),
            webhooks: vec![Webhook::fresh(FIRST)],
            switches,
        }
    }

    /// Brings the project up to `now` and carries out everything that has fallen due.
    pub fn settle(&mut self, now: Timestamp) {
        self.now = now;
        self.forget_what_is_due();
    }

    /// Changes the switches of a running project. Its catalogue and the encoding of its hashes stay unchanged.
    pub fn set_switches(&mut self, switches: Switches) {
        self.switches = switches;
    }

    /// Returns whether the project keeps identifiers of this kind unique. Two people may share any other identifier.
    pub(super) fn identifies(&self, id: &Identifier) -> bool {
        match (self.kind, id) {
            (ProjectType::Email, Identifier::UserId(_)) | (ProjectType::UserId, Identifier::Email(_)) => {
                false
            }
            (ProjectType::Email | ProjectType::Hybrid, Identifier::Email(_))
            | (ProjectType::UserId | ProjectType::Hybrid, Identifier::UserId(_)) => true,
        }
    }

    /// Returns a person's true state, which reads may not show yet. `None` if there is no such person.
    pub fn person(&self, id: &Identifier) -> Option<&Profile> {
        self.people.seen(id, Timestamp::MAX)
    }
}
