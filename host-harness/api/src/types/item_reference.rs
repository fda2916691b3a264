//! An item as a caller names it: an object, or its text.

use host_model::contract::consent::ItemId;
use serde::{Deserialize, Deserializer, de::Error};
use utoipa::{
    PartialSchema,
    openapi::{ObjectBuilder, OneOfBuilder, RefOr, Schema, schema::Type},
};

use super::consent::Item;

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
        Named::Text(text) => text.parse::<ItemId>().map(Item::from).map_err(|_| expected()),
    }
}

/// The schema of what is read.
pub(super) fn schema() -> RefOr<Schema> {
    let text = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[^:]+:.+$"));
    let description = "The item: an object, or its text, such as `channel:6539`.";
    let either = OneOfBuilder::new().item(Item::schema()).item(text).description(Some(description));
    RefOr::T(Schema::from(either.build()))
}
