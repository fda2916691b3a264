//! A body in a form into which the host can write its fields.
//! Tested in `src/egress/tests`.

use serde_json::{Map, Value};

use crate::egress::{
    declaration::{BodyKind, DeclaredOperation},
    refused::denied,
};
use host_model::contract::{
    http::{HttpError, Request},
    manifest::RequestPart,
};

/// The content of a body.
pub(super) enum BodyContent {
    /// No body.
    None,
    /// Unchanged bytes from the connector.
    Bytes(Vec<u8>),
    /// Parsed JSON, into which the host writes.
    Json(Map<String, Value>),
    /// Parsed form, into which the host writes.
    Form(Vec<(String, String)>),
}

impl BodyContent {
    /// Creates the body of `request`, which is parsed only if the host writes into it.
    pub(super) fn of(declared: &DeclaredOperation, request: &Request) -> Result<Self, HttpError> {
        let Some(form) = &declared.body else {
            return match request.body {
                None => Ok(Self::None),
                Some(_) => Err(denied(format!("operation {}: expected no body, found one", declared.name))),
            };
        };
        let written = declared.fields.iter().any(|field| field.place == RequestPart::Body);
        match (form.kind, written) {
            (BodyKind::Json, true) => json(declared, request.body.as_deref()).map(Self::Json),
            (BodyKind::Form, true) => {
                let given = form_urlencoded::parse(request.body.as_deref().unwrap_or_default());
                Ok(Self::Form(given.into_owned().collect()))
            }
            _ => Ok(request.body.clone().map_or(Self::None, Self::Bytes)),
        }
    }

    /// Sets `name` to `value`, replacing any existing value.
    pub(super) fn write(&mut self, operation: &str, name: &str, value: &str) -> Result<(), HttpError> {
        match self {
            Self::Json(object) => write_json(object, name, value).ok_or_else(|| {
                denied(format!(
                    "operation {operation}: the path to {name} in the body contains a value that is not an object"
                ))
            }),
            Self::Form(pairs) => {
                pairs.retain(|(given, _)| given != name);
                pairs.push((name.to_owned(), value.to_owned()));
                Ok(())
            }
            // A checked manifest has body fields only if the body is JSON or a form.
            Self::None | Self::Bytes(_) => {
                Err(denied(format!("operation {operation}: no body to write {name} into")))
            }
        }
    }

    /// Removes `name`.
    pub(super) fn remove(&mut self, name: &str) {
        match self {
            Self::Json(object) => remove_json(object, name),
            Self::Form(pairs) => pairs.retain(|(given, _)| given != name),
            Self::None | Self::Bytes(_) => {}
        }
    }

    pub(super) fn into_bytes(self) -> Option<Vec<u8>> {
        match self {
            Self::None => None,
            Self::Bytes(bytes) => Some(bytes),
            Self::Json(object) => Some(Value::Object(object).to_string().into_bytes()),
            Self::Form(pairs) => Some(
                form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish().into_bytes(),
            ),
        }
    }
}

fn json(declared: &DeclaredOperation, given: Option<&[u8]>) -> Result<Map<String, Value>, HttpError> {
    match given.map(serde_json::from_slice) {
        None => Ok(Map::new()),
        Some(Ok(Value::Object(object))) => Ok(object),
        Some(_) => Err(denied(format!(
            "operation {}: the host writes into its body, so it must be a JSON object, at most 127 levels deep",
            declared.name
        ))),
    }
}

fn remove_json(object: &mut Map<String, Value>, name: &str) {
    match name.split_once('.') {
        None => drop(object.remove(name)),
        Some((step, rest)) => {
            if let Some(inner) = object.get_mut(step).and_then(Value::as_object_mut) {
                remove_json(inner, rest);
            }
        }
    }
}

/// Writes `value` at the dotted `name`. Returns `None` if a step leads to something other than an object.
fn write_json(object: &mut Map<String, Value>, name: &str, value: &str) -> Option<()> {
    match name.split_once('.') {
        None => {
            object.insert(name.to_owned(), Value::from(value));
            Some(())
        }
        Some((step, rest)) => {
            let inner = object.entry(step).or_insert_with(|| Value::Object(Map::new()));
            write_json(inner.as_object_mut()?, rest, value)
        }
    }
}
