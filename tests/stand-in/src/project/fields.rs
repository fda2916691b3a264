//! Profile fields and their types. The first value of a field determines its type.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::refusal::Refusal;

/// The type of each field that a project knows.
#[derive(Debug)]
pub(crate) struct FieldTypes(BTreeMap<String, &'static str>);

/// The fields that every project has, with their types.
fn system_fields() -> BTreeMap<String, &'static str> {
    [
        ("email", "string"),
        ("userId", "string"),
        ("signupDate", "date"),
        ("signupSource", "string"),
        ("profileUpdatedAt", "date"),
        ("phoneNumber", "string"),
        ("emailListIds", "long"),
        ("unsubscribedChannelIds", "long"),
        ("unsubscribedMessageTypeIds", "long"),
        ("subscribedMessageTypeIds", "long"),
    ]
    .map(|(name, kind)| (name.to_owned(), kind))
    .into()
}

impl FieldTypes {
    /// Returns the fields of a new project.
    pub(super) fn system() -> Self {
        Self(system_fields())
    }

    /// Returns every field with its type.
    pub(super) fn to_json(&self) -> Value {
        json!({"fields": self.0})
    }

    /// Checks that a write matches the known types. `project` is the project's number, for the refusal.
    pub(super) fn check(&self, project: u32, data: &Map<String, Value>) -> Result<(), Refusal> {
        for (name, value) in data {
            let Some(expected) = self.0.get(name) else { continue };
            let Some(incoming) = types_of(value) else { continue };
            let widened = *expected == "double" && incoming.contains(&"long");
            let fits = incoming.contains(expected) || widened || (*expected == "string" && value.is_string());
            if !fits {
                let (field, value) = (name.clone(), value.clone());
                return Err(Refusal::TypeMismatch { project, field, expected, incoming, value });
            }
        }
        Ok(())
    }

    /// Records the types of new fields.
    pub(super) fn learn(&mut self, data: &Map<String, Value>) {
        for (name, value) in data {
            if let Some(kind) = types_of(value).and_then(|types| types.first().copied()) {
                self.0.entry(name.clone()).or_insert(kind);
            }
        }
    }
}

/// Returns the types that a value can have, beginning with the one that a new field gets. `None` if the value does
/// not determine a type.
fn types_of(value: &Value) -> Option<Vec<&'static str>> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(_) => vec!["boolean"],
        Value::Number(number) if number.is_f64() => vec!["double"],
        Value::Number(_) => vec!["long"],
        Value::String(text) if is_date(text) => vec!["date", "string", "keyword"],
        Value::String(_) => vec!["string", "keyword"],
        Value::Array(items) => return items.first().and_then(types_of),
        Value::Object(_) => vec!["object"],
    })
}

fn is_date(text: &str) -> bool {
    jiff::fmt::strtime::parse("%Y-%m-%d %H:%M:%S %:z", text).is_ok()
        || jiff::civil::DateTime::strptime("%Y-%m-%d %H:%M:%S", text).is_ok()
}
