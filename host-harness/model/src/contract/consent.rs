//! Items, choices and what became of them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, VariantArray};

/// Something at the vendor that a person can be in or out of. Unique by both fields together.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ItemId {
    /// One of the manifest's item kinds.
    pub kind: String,
    /// The vendor's id.
    pub id: String,
}

impl fmt::Display for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind, self.id)
    }
}

/// An item was not written as `kind:id`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an item such as channel:123, found {0:?}")]
pub struct NotAnItem(String);

impl FromStr for ItemId {
    type Err = NotAnItem;

    fn from_str(text: &str) -> Result<Self, NotAnItem> {
        match text.split_once(':') {
            Some((kind, id)) if !kind.is_empty() && !id.is_empty() => {
                Ok(Self { kind: kind.to_owned(), id: id.to_owned() })
            }
            _ => Err(NotAnItem(text.to_owned())),
        }
    }
}

/// In or out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display, EnumString, VariantArray)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Choice {
    /// In.
    OptIn,
    /// Out.
    OptOut,
}

/// A choice that a person made, with when and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Preference {
    /// For what.
    pub item: ItemId,
    /// In or out.
    pub choice: Choice,
    /// In milliseconds since 1970 in UTC.
    pub chosen_at_ms: u64,
    /// In the words of where it was chosen.
    pub source: String,
}

/// An item as the vendor's catalogue has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Item {
    /// Its id.
    pub id: ItemId,
    /// For people.
    pub name: String,
    /// The item it belongs to.
    pub parent: Option<ItemId>,
}

/// What became of one preference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// The vendor took it.
    Applied,
    /// The vendor already had it so.
    Unchanged,
    /// Taken, but not in effect yet.
    Pending,
    /// The vendor refused this one.
    Refused,
}

/// What became of one preference, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ItemReport {
    /// Which.
    pub item: ItemId,
    /// What became of it.
    pub change: Change,
    /// Why, for an operator.
    pub detail: String,
}

/// A choice as the vendor holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Held {
    /// For what.
    pub item: ItemId,
    /// In or out.
    pub choice: Choice,
}

/// How the person stands with the vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Known before.
    Known,
    /// Unknown until now, and created.
    Created,
    /// Erased, and not to be let in again.
    Forgotten,
}

/// What became of a person's preferences.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// One for each preference, in their order.
    pub items: Vec<ItemReport>,
    /// How the person stands.
    pub standing: Standing,
    /// How long the vendor needs until it shows what it has taken.
    pub settles_after_ms: Option<u64>,
}
