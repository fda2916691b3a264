//! The number of results in one answer.

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, schema::Type},
};

/// The maximum number of results, from 1 to `MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PageLimit<const DEFAULT: u32, const MAX: u32>(pub(crate) u32);

impl<const DEFAULT: u32, const MAX: u32> Default for PageLimit<DEFAULT, MAX> {
    fn default() -> Self {
        Self(DEFAULT)
    }
}

impl<'de, const DEFAULT: u32, const MAX: u32> Deserialize<'de> for PageLimit<DEFAULT, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let limit = u32::deserialize(deserializer)?;
        if (1..=MAX).contains(&limit) {
            return Ok(Self(limit));
        }
        Err(D::Error::custom(format_args!("expected a number from 1 to {MAX}")))
    }
}

impl<const DEFAULT: u32, const MAX: u32> ToSchema for PageLimit<DEFAULT, MAX> {}

impl<const DEFAULT: u32, const MAX: u32> PartialSchema for PageLimit<DEFAULT, MAX> {
    fn schema() -> RefOr<Schema> {
        let number = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int32)))
            .minimum(Some(1))
            .maximum(Some(MAX))
            .default(Some(DEFAULT.into()));
        RefOr::T(number.build().into())
    }
}
