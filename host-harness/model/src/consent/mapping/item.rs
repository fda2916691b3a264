//! The items of a mapping, as they are kept and as an operator sees them.

use serde::{Deserialize, Serialize};

use super::kind;
use crate::contract::consent::ItemId;

/// An item of a connection as the mapping keeps it. One that is saved without a notice was seen and left out on purpose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredItem {
    /// Unique by kind and id together.
    pub id: ItemId,
    /// The vendor's name for it, when it was last listed.
    pub name: String,
    /// The item it belongs to.
    pub parent: Option<ItemId>,
    /// The id of the notice that it stands for: at most one.
    pub notice: Option<String>,
}

/// An item in Fides' shape, with those that belong to it: one node of what an operator sees and sends back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentableItem {
    /// The vendor's id.
    pub external_id: String,
    /// One of the manifest's item kinds, `message-type`; outside it is spelled as in Fides, `Message type`.
    #[serde(rename = "type", with = "super::kind")]
    pub kind: String,
    /// For people. What is sent back here is not kept: the vendor's name counts.
    pub name: String,
    /// The id of the notice that it stands for.
    #[serde(default)]
    pub notice_id: Option<String>,
    /// What belongs to it.
    #[serde(default)]
    pub children: Vec<Self>,
    /// Listed by the vendor, but never saved; ignored when it is sent back.
    #[serde(default)]
    pub unmapped: bool,
    /// Saved, but no longer listed by the vendor; ignored when it is sent back.
    #[serde(default)]
    pub vanished: bool,
}

impl ConsentableItem {
    /// What it is known by.
    pub fn id(&self) -> ItemId {
        ItemId { kind: self.kind.clone(), id: self.external_id.clone() }
    }
}

/// An item for people, such as `Message type 39238`.
pub(in crate::consent) fn titled(item: &ItemId) -> String {
    format!("{} {}", kind::spelled(&item.kind), item.id)
}
