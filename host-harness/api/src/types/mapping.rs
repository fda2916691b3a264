//! The mapping of a vendor's items to notices, in Fides' shape.

use host_model::consent::mapping::{self, ItemChange, kind};
use host_service::consent::mappings;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An item with its children: one node of the vendor's tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsentableItem {
    /// The vendor's id.
    pub external_id: String,
    /// One of the manifest's item kinds in Fides' spelling, such as `Message type`; any spelling is read.
    #[serde(rename = "type", with = "kind")]
    pub kind: String,
    /// The vendor's name for people. Ignored when it is sent.
    pub name: String,
    /// The id of the notice that it is mapped to; null for none.
    #[serde(default)]
    pub notice_id: Option<String>,
    /// The items below it.
    #[serde(default)]
    #[schema(no_recursion)]
    pub children: Vec<Self>,
    /// Whether the vendor lists it, but it was never saved. Ignored when it is sent.
    #[serde(default)]
    pub unmapped: bool,
    /// Whether it is saved, but no longer listed by the vendor. Ignored when it is sent.
    #[serde(default)]
    pub vanished: bool,
    /// Its name when the mapping was saved, if the vendor has renamed it since; null otherwise. Ignored when it is sent.
    #[serde(default)]
    pub renamed_from: Option<String>,
    /// Where it was when the mapping was saved, if the vendor has moved it since: `the top level`, or an item such as
    /// `Channel 6539`; null otherwise. Ignored when it is sent.
    #[serde(default)]
    pub moved_from: Option<String>,
    /// Why choices about its notice do not reach it; null if they do, or if it has none. Ignored when it is sent.
    #[serde(default)]
    pub conflict: Option<String>,
}

impl From<mapping::ConsentableItem> for ConsentableItem {
    fn from(item: mapping::ConsentableItem) -> Self {
        Self {
            external_id: item.external_id,
            kind: item.kind,
            name: item.name,
            notice_id: item.notice_id,
            children: item.children.into_iter().map(Into::into).collect(),
            unmapped: item.unmapped,
            vanished: item.vanished,
            renamed_from: item.renamed_from,
            moved_from: item.moved_from,
            conflict: item.conflict,
        }
    }
}

impl From<ConsentableItem> for mapping::ConsentableItem {
    fn from(item: ConsentableItem) -> Self {
        Self {
            external_id: item.external_id,
            kind: item.kind,
            name: item.name,
            notice_id: item.notice_id,
            children: item.children.into_iter().map(Into::into).collect(),
            unmapped: item.unmapped,
            vanished: item.vanished,
            renamed_from: item.renamed_from,
            moved_from: item.moved_from,
            conflict: item.conflict,
        }
    }
}

/// What saving a mapping would change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MappingPreview {
    /// The items whose notice would change.
    pub changes: Vec<MappingChange>,
    /// The number of known people for whom one of these changes matters.
    pub people: usize,
    /// The number of items that would be saved.
    pub saved: usize,
    /// The number of saved items that it leaves out, which would be forgotten.
    pub forgotten: usize,
}

/// An item whose notice would change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MappingChange {
    /// The vendor's id.
    pub external_id: String,
    /// The kind of the item, in Fides' spelling.
    #[serde(rename = "type", with = "kind")]
    pub kind: String,
    /// The vendor's name for people.
    pub name: String,
    /// The id of the notice that it is mapped to now; null for none.
    pub notice_before: Option<String>,
    /// The id of the notice that it would be mapped to; null for none.
    pub notice_after: Option<String>,
    /// The number of known people for whom that matters: those at the connection with a recorded choice for the item or for
    /// one of the two notices.
    pub people: i64,
}

impl From<mappings::MappingPreview> for MappingPreview {
    fn from(preview: mappings::MappingPreview) -> Self {
        let mappings::MappingPreview { changes, concerned, saved, forgotten } = preview;
        let changes = changes.into_iter().zip(concerned.for_each);
        let change = |(change, people): (ItemChange, i64)| MappingChange {
            external_id: change.item.id,
            kind: change.item.kind,
            name: change.name,
            notice_before: change.before,
            notice_after: change.after,
            people,
        };
        Self { changes: changes.map(change).collect(), people: concerned.in_all, saved, forgotten }
    }
}
