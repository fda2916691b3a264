//! A person as platforms identify one in JSON: kinds of identifier with their values.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, IgnoredAny, MapAccess, Visitor},
};
use serde_json::{json, value::RawValue};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ObjectBuilder, OneOfBuilder, RefOr, Schema,
        schema::{AdditionalProperties, SchemaType, Type},
    },
};

use host_model::{
    consent::identity::IdentityMap,
    contract::{Identifier, MAX_IDENTIFIER_CHARS, MAX_IDENTIFIERS, Oversized, Subject},
    unread::shown_key,
};

/// At least one identifier with a value, within the number and lengths that [`Subject::within_bounds`] accepts. Read
/// from an object of kinds with their values: a string; a number, which counts as its text; Fides' `{"label": …,
/// "value": …}`, which counts as its value; or `null`, which counts as absent. Personal data, so it does not print.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Identity(IdentityMap);

/// Two identifiers of one kind: the API accepts one of each.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: a service accepts only one identifier of a kind for each person")]
pub struct RepeatedKind {
    /// The kind.
    pub kind: String,
}

impl TryFrom<&Subject> for Identity {
    type Error = RepeatedKind;

    fn try_from(subject: &Subject) -> Result<Self, RepeatedKind> {
        let mut map = IdentityMap::default();
        for Identifier { kind, value } in subject.identifiers() {
            if map.0.insert(kind.clone(), value.clone()).is_some() {
                return Err(RepeatedKind { kind: kind.clone() });
            }
        }
        Ok(Self(map))
    }
}

impl From<Identity> for Subject {
    fn from(Identity(map): Identity) -> Self {
        map.into()
    }
}

impl<'de> Deserialize<'de> for Identity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let map = IdentityMap(deserializer.deserialize_map(IdentityEntries)?);
        if map.0.values().all(|value| value.trim().is_empty()) {
            return Err(D::Error::custom("at least one identifier with a value is required"));
        }
        Subject::from(map.clone()).within_bounds().map_err(D::Error::custom)?;
        Ok(Self(map))
    }
}

struct IdentityEntries;

impl<'de> Visitor<'de> for IdentityEntries {
    type Value = BTreeMap<String, String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of kinds of identifier with their values")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut all: BTreeMap<String, Option<String>> = BTreeMap::new();
        while let Some(kind) = map.next_key::<String>()? {
            if all.contains_key(&kind) {
                // Keeping only one of the values would lose the person that the other one identifies.
                return Err(A::Error::custom(format!("the key `{}` occurs twice", shown_key(&kind))));
            }
            let Value(value) = map.next_value()?;
            all.insert(kind, value);
        }
        if all.len() > MAX_IDENTIFIERS {
            return Err(A::Error::custom(Oversized::Count { count: all.len() }));
        }
        Ok(all.into_iter().filter_map(|(kind, value)| Some((kind, value?))).collect())
    }
}

/// `None` if it is `null`.
struct Value(Option<String>);

/// An identity of a custom kind, as Fides writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LabelledIdentity<'a> {
    #[serde(default, rename = "label")]
    _label: IgnoredAny,
    #[serde(borrow)]
    value: &'a RawValue,
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The text as it was sent: parsing it as a number would lose digits of a long id.
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        labelled(raw.get()).or_else(|| plain(raw.get())).ok_or_else(|| {
            D::Error::custom("expected a string, a number, null, or an object of `label` and `value`")
        })
    }
}

/// The [`plain`] value of an object as Fides writes it.
fn labelled(json: &str) -> Option<Value> {
    // A struct would also be read from an array.
    let object = Some(json).filter(|json| json.starts_with('{'))?;
    let LabelledIdentity { value, .. } = serde_json::from_str(object).ok()?;
    plain(value.get())
}

/// A string, a number or `null`.
fn plain(json: &str) -> Option<Value> {
    match json.as_bytes().first()? {
        b'"' => serde_json::from_str(json).ok().map(|text| Value(Some(text))),
        b'-' | b'0'..=b'9' => Some(Value(Some(json.to_owned()))),
        b'n' => Some(Value(None)),
        _ => None,
    }
}

/// The schema of an identity without any value, which is invalid. The schema builders cannot express it.
pub(crate) fn nobody() -> serde_json::Value {
    let absent = [json!({"type": "null"}), json!({"type": "string", "pattern": "^\\s*$"})];
    let labelled =
        json!({"type": "object", "required": ["value"], "properties": {"value": {"anyOf": absent}}});
    json!({"additionalProperties": {"anyOf": [absent[0], absent[1], labelled]}})
}

impl ToSchema for Identity {}

impl PartialSchema for Identity {
    fn schema() -> RefOr<Schema> {
        let of = |kind| ObjectBuilder::new().schema_type(kind);
        let text = || of(Type::String).max_length(Some(MAX_IDENTIFIER_CHARS));
        let labelled = of(Type::Object)
            .property("label", ObjectBuilder::new().schema_type(SchemaType::AnyValue))
            .property("value", OneOfBuilder::new().item(text()).item(of(Type::Number)).item(of(Type::Null)))
            .required("value")
            .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)));
        let value = OneOfBuilder::new()
            .item(text())
            .item(of(Type::Number))
            .item(of(Type::Null))
            .item(labelled)
            .description(Some(
                "A number counts as its text, an object as its `value`, and null as absent. At most 512 characters.",
            ));
        of(Type::Object)
            .additional_properties(Some(RefOr::T(Schema::from(value.build()))))
            .min_properties(Some(1))
            .max_properties(Some(MAX_IDENTIFIERS))
            .description(Some(
                "A person: each kind of identifier with its value, such as `{\"email\": \"ada@example.com\"}`. At least one has a \
                 value, and none occurs twice. Fides' names are accepted too: `external_id` is a `user-id`, `phone_number` a \
                 `phone`.",
            ))
            .build()
            .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<BTreeMap<String, String>, String> {
        let read: Result<Identity, _> = serde_json::from_str(json);
        read.map(|Identity(map)| map.0).map_err(|error| error.to_string())
    }

    #[test]
    fn null_is_absent_a_number_is_its_text_and_a_label_is_passed_over() {
        for (value, text) in [
            (r#""u-17""#, "u-17"),
            (r#""\u00e9""#, "é"),
            ("17", "17"),
            ("-1.50", "-1.50"),
            ("1e3", "1e3"),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
            (r#"{"label": "User id", "value": "u-17"}"#, "u-17"),
            (r#"{"value": 17, "label": null}"#, "17"),
            (r#" { "value" : 17 } "#, "17"),
        ] {
            let json = format!(r#"{{"email": null, "external_id": {value}}}"#);
            assert_eq!(read(&json), Ok([("external_id".to_owned(), text.to_owned())].into()), "{value}");
        }
    }

    #[test]
    fn an_empty_identity_a_repeated_key_and_any_other_value_are_refused_and_not_shown() {
        for (json, why) in [
            ("{}", "at least one identifier with a value is required"),
            (r#"{"email": null, "external_id": {"value": null}, "phone": " "}"#, "at least one identifier"),
            (r#"{"email": "ada", "email": "ada"}"#, "the key `email` occurs twice"),
            (r#"{"email": null, "email": "ada"}"#, "the key `email` occurs twice"),
            (r#"{"email": "ada", "\u0065mail": "bob"}"#, "the key `email` occurs twice"),
            (r#"{"email": true}"#, "expected a string, a number, null"),
            (r#"{"email": ["label", "ada"]}"#, "expected a string, a number, null"),
            (r#"{"email": {"label": "ada"}}"#, "expected a string, a number, null"),
            (r#"{"email": {"value": {"value": "ada"}}}"#, "expected a string, a number, null"),
            (r#"{"email": {"value": "ada", "value": "bob"}}"#, "expected a string, a number, null"),
            (r#"{"email": {"value": "ada", "other": 1}}"#, "expected a string, a number, null"),
            (r#""ada""#, "expected an object of kinds"),
        ] {
            let refused = read(json).unwrap_err();
            assert!(refused.contains(why), "{json}: {refused}");
        }
    }

    #[test]
    fn a_person_is_bounded_and_the_bound_is_said() {
        let most = "é".repeat(MAX_IDENTIFIER_CHARS);
        assert!(read(&format!(r#"{{"email": "{most}"}}"#)).is_ok());
        let refused = read(&format!(r#"{{"email": "{most}é"}}"#)).unwrap_err();
        assert!(refused.starts_with("email: the identifier has 513 characters; at most 512 are accepted"));
        let many: Vec<_> = (0..=MAX_IDENTIFIERS).map(|at| format!(r#""k{at}": "v""#)).collect();
        assert!(read(&format!("{{{}}}", many.join(","))).unwrap_err().contains("has 33 identifiers"));
    }
}
