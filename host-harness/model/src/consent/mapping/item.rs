//! The items of a mapping, as they are stored and as an operator sees them.

use serde::{Deserialize, Serialize};

use super::kind;
use crate::contract::consent::ItemId;

/// An item as it is stored in a connection's mapping. An item without a notice was seen and left unmapped on purpose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredItem {
    /// Unique by kind and id together.
    pub id: ItemId,
    /// The vendor's name for it when it was last listed.
    pub name: String,
    /// The item it belongs to.
    pub parent: Option<ItemId>,
    /// The id of the notice that it is mapped to, at most one.
    pub notice: Option<String>,
}

/// An item in Fides' format with its children: one node of the tree that an operator sees and sends back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentableItem {
    /// The vendor's id.
    pub external_id: String,
    /// One of the manifest's item kinds, such as `message-type`; serialized in Fides' spelling, `Message type`.
    #[serde(rename = "type", with = "super::kind")]
    pub kind: String,
    /// The display name. Ignored when it is sent back: the vendor's name is used.
    pub name: String,
    /// The id of the notice that it is mapped to.
    #[serde(default)]
    pub notice_id: Option<String>,
    /// The items that belong to it.
    #[serde(default)]
    pub children: Vec<Self>,
    /// Whether the vendor lists it but it was never saved. Ignored when it is sent back.
    #[serde(default)]
    pub unmapped: bool,
    /// Whether it is saved but no longer listed by the vendor. Ignored when it is sent back.
    #[serde(default)]
    pub vanished: bool,
    /// Its name when the mapping was saved, if the vendor has renamed it since. Ignored when it is sent back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renamed_from: Option<String>,
    /// Where it was when the mapping was saved, in words, if the vendor has moved it since. Ignored when it is sent back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_from: Option<String>,
    /// Why choices about its notice do not reach it; `None` if they do, or if it has none. Ignored when it is sent back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict: Option<String>,
}

impl ConsentableItem {
    /// Returns the item's id.
    pub fn id(&self) -> ItemId {
        ItemId { kind: self.kind.clone(), id: self.external_id.clone() }
    }
}

/// Formats an item for display, such as `Message type 39238`.
pub(in crate::consent) fn titled(item: &ItemId) -> String {
    format!("{} {}", kind::spelled(&item.kind), item.id)
}
