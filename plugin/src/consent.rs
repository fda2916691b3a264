//! Choices about what a person receives: channels, their message types, and email lists.

mod additive;
mod apply;
mod catalogue;
mod replace;
mod subscriptions;

pub use apply::apply;

use self::{catalogue::Catalogue, subscriptions::Subscriptions};
use crate::{
    error::Error,
    http::Vendor,
    iterable::{
        client::Client,
        model::Profile,
        response::{Done, Meaning, Refusal},
    },
    manifest::Operation,
    settings::Settings,
    subject::{self, Identifier, Person},
};

/// The kind of a channel.
pub const CHANNEL: &str = "channel";
/// The kind of a message type, whose parent is a channel.
pub const MESSAGE_TYPE: &str = "message-type";
/// The kind of a static email list.
pub const EMAIL_LIST: &str = "email-list";

/// Something that a person can be in or out of; unique by both fields together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ItemId {
    /// [`CHANNEL`], [`MESSAGE_TYPE`] or [`EMAIL_LIST`].
    pub kind: String,
    /// Iterable's number for it.
    pub id: String,
}

/// In or out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Choice {
    /// In.
    OptIn,
    /// Out.
    OptOut,
}

impl std::ops::Not for Choice {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::OptIn => Self::OptOut,
            Self::OptOut => Self::OptIn,
        }
    }
}

/// A choice for an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preference {
    /// For what.
    pub item: ItemId,
    /// In or out.
    pub choice: Choice,
    /// When the person chose, in milliseconds since 1970 in UTC.
    pub chosen_at_ms: u64,
    /// What caused it, such as `EmailLink`.
    pub source: String,
}

/// An item that preferences can name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Which.
    pub id: ItemId,
    /// For people; a channel's medium stands behind its name.
    pub name: String,
    /// A message type's channel.
    pub parent: Option<ItemId>,
}

/// A choice as Iterable holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// For what.
    pub item: ItemId,
    /// In or out.
    pub choice: Choice,
}

/// What became of one preference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Written.
    Applied,
    /// Iterable had it so.
    Unchanged,
    /// Taken, or to be written again once Iterable knows the person.
    Pending,
    /// Refused: the detail says why.
    Refused,
}

/// The report on one preference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemReport {
    /// For what.
    pub item: ItemId,
    /// What became of it.
    pub change: Change,
    /// More about it, or nothing.
    pub detail: String,
}

/// How the person stands with Iterable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Known; or not looked up, where every item was refused beforehand.
    Known,
    /// Unknown until now.
    Created,
    /// Erased, and not to be let in again.
    Forgotten,
}

/// What became of all preferences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// One for each preference, in their order.
    pub items: Vec<ItemReport>,
    /// How the person stands.
    pub standing: Standing,
    /// How long until Iterable surely shows what it has taken, in milliseconds.
    pub settles_after_ms: Option<u64>,
}

/// All items: each channel with its message types behind it, then the email lists. One that has no id or no name is left
/// out and logged.
pub fn list_items(vendor: &mut dyn Vendor) -> Result<Vec<Item>, Error> {
    let mut client = Client::new(vendor);
    let catalogue = Catalogue::read(&mut client, |_| true)?;
    for ItemId { kind, id } in catalogue.nameless() {
        client.warn(&format!("{kind} {id} has no name and is left out"));
    }
    Ok(catalogue.items())
}

/// What Iterable holds for every item; `None` if it does not know the person. A profile without subscriptions is a person
/// who never chose: nothing is held for them. An item is left out if its list holds an entry that cannot be read.
pub fn current(
    settings: &Settings,
    vendor: &mut dyn Vendor,
    subject: &[Identifier],
) -> Result<Option<Vec<Held>>, Error> {
    let people = subject::people(settings.project_type, subject)?;
    let mut client = Client::new(vendor);
    let Some((_, profile)) = find(&mut client, &people)? else { return Ok(None) };
    if !subscriptions::ever_chose(&profile) {
        return Ok(Some(Vec::new()));
    }
    let subscriptions = Subscriptions::from(profile);
    let slots = Catalogue::read(&mut client, |_| true)?.slots();
    let held = |(item, slot)| Some(Held { item, choice: subscriptions.choice(slot)? });
    let held: Vec<_> = slots.iter().cloned().filter_map(held).collect();
    if held.len() < slots.len() {
        client.warn("a subscription list of the profile holds an entry that is no id: its other items are not reported");
    }
    Ok(Some(held))
}

/// The first of these that Iterable knows.
fn find<'a>(client: &mut Client, people: &'a [Person]) -> Result<Option<(&'a Person, Profile)>, Error> {
    for person in people {
        if let Some(profile) = client.profile(person)? {
            return Ok(Some((person, profile)));
        }
    }
    Ok(None)
}

/// What became of a choice that had to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fate {
    Applied,
    Pending(&'static str),
    Refused(String),
    /// Of no choice alone: the person is erased.
    Forgotten,
}

fn fate(client: &Client, operation: &Operation, answer: Result<Done, Refusal>) -> Result<Fate, Error> {
    use crate::error::ErrorKind::Rejected;
    match answer {
        Ok(Done::Now) => Ok(Fate::Applied),
        Ok(Done::Later) => Ok(Fate::Pending("Iterable took it and applies it later")),
        Err(refusal) => match (refusal.meaning, refusal.kind) {
            (Meaning::Forgotten, _) => Ok(Fate::Forgotten),
            (Meaning::UnknownPerson, _) => {
                Ok(Fate::Pending("not every part of Iterable knows the person yet"))
            }
            (Meaning::Other, Rejected) => {
                Ok(Fate::Refused(format!("Iterable refused it ({})", refusal.brief())))
            }
            _ => Err(client.fail(operation, refusal, "")),
        },
    }
}

#[cfg(test)]
mod tests;
