//! Items of a vendor, and how callers name them: as an object, or as text.

use std::fmt;

use host_model::contract::consent;
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, OneOfBuilder, RefOr, Schema, schema::Type},
};

/// An item at the vendor that a person can opt in to or out of. Both members together are unique.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Item {
    /// One of the manifest's item kinds.
    pub kind: String,
    /// The vendor's id.
    pub id: String,
}

impl From<consent::ItemId> for Item {
    fn from(consent::ItemId { kind, id }: consent::ItemId) -> Self {
        Self { kind, id }
    }
}

impl From<Item> for consent::ItemId {
    fn from(Item { kind, id }: Item) -> Self {
        Self { kind, id }
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind, self.id)
    }
}

/// Reads an item from an object of `kind` and `id`, or from the text `KIND:ID`.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Item, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Named {
        Text(String),
        Members(Item),
    }
    let expected = || D::Error::custom("expected an object of kind and id, or a text such as channel:6539");
    match Named::deserialize(deserializer).map_err(|_| expected())? {
        Named::Members(item) => Ok(item),
        Named::Text(text) => text.parse::<consent::ItemId>().map(Item::from).map_err(|_| expected()),
    }
}

/// The schema of what is read.
pub(super) fn schema() -> RefOr<Schema> {
    let text = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[^:]+:.+$"));
    let description = "The item: an object, or its text, such as `channel:6539`.";
    let either = OneOfBuilder::new().item(Item::schema()).item(text).description(Some(description));
    RefOr::T(Schema::from(either.build()))
}
