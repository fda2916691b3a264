//! Items, choices and reports on them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, VariantArray};

/// The id of something at the vendor that a person can opt in to or out of. Unique by both fields together.
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

/// The text is not an item of the form `kind:id`.
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

/// An opt-in or an opt-out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display, EnumString, VariantArray)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Choice {
    /// The person opted in.
    OptIn,
    /// The person opted out.
    OptOut,
}

/// A choice that a person made, with its time and source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Preference {
    /// For what.
    pub item: ItemId,
    /// In or out.
    pub choice: Choice,
    /// In milliseconds since 1970 in UTC.
    pub chosen_at_ms: u64,
    /// Where it was chosen, in the source's own words.
    pub source: String,
}

/// An item in the vendor's catalogue.
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

/// The result for one preference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// The vendor accepted it.
    Applied,
    /// The vendor already had this choice.
    Unchanged,
    /// Accepted, but not in effect yet.
    Pending,
    /// The vendor refused this one.
    Refused,
}

/// The result for one preference, with its reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ItemReport {
    /// The preference's item.
    pub item: ItemId,
    /// The result.
    pub change: Change,
    /// Why, for an operator.
    pub detail: String,
}

/// A choice as the vendor holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct VendorChoice {
    /// For what.
    pub item: ItemId,
    /// In or out.
    pub choice: Choice,
}

/// The person's status at the vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// The vendor already knew the person.
    Known,
    /// The person was unknown and has been created.
    Created,
    /// The person was erased and must not be created again.
    Forgotten,
}

/// The result for a person's preferences.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// One report for each preference, in the same order.
    pub items: Vec<ItemReport>,
    /// The person's status at the vendor.
    pub standing: Standing,
    /// How long the vendor takes to show what it has accepted.
    pub settles_after_ms: Option<u64>,
}
