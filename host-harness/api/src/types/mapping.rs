//! The mapping of a vendor's items to notices, in Fides' shape.

use host_model::consent::mapping::{self, kind};
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
}

impl From<mapping::ConsentableItem> for ConsentableItem {
    fn from(item: mapping::ConsentableItem) -> Self {
        let mapping::ConsentableItem { external_id, kind, name, notice_id, children, unmapped, vanished } =
            item;
        let children = children.into_iter().map(Into::into).collect();
        Self { external_id, kind, name, notice_id, children, unmapped, vanished }
    }
}

impl From<ConsentableItem> for mapping::ConsentableItem {
    fn from(item: ConsentableItem) -> Self {
        let ConsentableItem { external_id, kind, name, notice_id, children, unmapped, vanished } = item;
        let children = children.into_iter().map(Into::into).collect();
        Self { external_id, kind, name, notice_id, children, unmapped, vanished }
    }
}
