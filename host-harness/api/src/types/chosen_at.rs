//! The time of a choice, in RFC 3339 or in milliseconds.

use std::fmt;

use jiff::Timestamp;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, Unexpected, Visitor},
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ObjectBuilder, OneOfBuilder, RefOr, Schema,
        schema::{KnownFormat, SchemaFormat, Type},
    },
};

/// A time since 1970. Read from RFC 3339, such as `2026-01-31T12:00:00Z`, or from a number of milliseconds; written as
/// the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChosenAt {
    /// In milliseconds since 1970 in UTC.
    pub ms: u64,
}

impl Serialize for ChosenAt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.ms)
    }
}

impl<'de> Deserialize<'de> for ChosenAt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Time)
    }
}

struct Time;

impl Visitor<'_> for Time {
    type Value = ChosenAt;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time since 1970: RFC 3339, such as 2026-01-31T12:00:00Z, or milliseconds")
    }

    fn visit_u64<E: Error>(self, ms: u64) -> Result<ChosenAt, E> {
        Ok(ChosenAt { ms })
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<ChosenAt, E> {
        let ms = text.parse::<Timestamp>().ok().and_then(|at| u64::try_from(at.as_millisecond()).ok());
        ms.map(|ms| ChosenAt { ms }).ok_or_else(|| E::invalid_value(Unexpected::Other("another text"), &self))
    }
}

impl ToSchema for ChosenAt {}

impl PartialSchema for ChosenAt {
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
        let number = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0));
        let description = "A time since 1970: RFC 3339, or milliseconds.";
        let either = OneOfBuilder::new().item(text).item(number).description(Some(description));
        RefOr::T(Schema::from(either.build()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<u64, String> {
        serde_json::from_str::<ChosenAt>(json).map(|at| at.ms).map_err(|error| error.to_string())
    }

    #[test]
    fn a_time_is_read_from_rfc_3339_and_from_milliseconds() {
        for (json, ms) in [
            ("1769860800000", 1_769_860_800_000),
            (r#""2026-01-31T12:00:00Z""#, 1_769_860_800_000),
            (r#""2026-01-31T13:00:00.250+01:00""#, 1_769_860_800_250),
            (r#""1970-01-01T00:00:00Z""#, 0),
        ] {
            assert_eq!(read(json), Ok(ms), "{json}");
        }
    }

    #[test]
    fn anything_else_is_refused_without_being_shown() {
        for json in [
            "-1",
            "1.5",
            "true",
            r#""yesterday""#,
            r#""2026-01-31""#,
            r#""2026-01-31T12:00:00""#,
            r#""1969-12-31T23:59:59Z""#,
        ] {
            let refused = read(json).unwrap_err();
            assert!(refused.contains("expected a time since 1970: RFC 3339"), "{json}: {refused}");
            assert!(!refused.contains("yesterday"), "{refused}");
        }
    }
}
