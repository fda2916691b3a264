//! Problem documents: RFC 9457.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A problem, as in RFC 9457. Some kinds add members.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// The kind: a URN that never changes, such as `urn:connector-host:problem:unknown`.
    pub r#type: String,
    /// The kind, for people.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What was found and what to do.
    pub detail: String,
    /// A message for each field that is wrong, if the problem is about fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// Further members for programs, such as `accepted`, `changes`, `fields`, `file` or `request`.
    #[serde(flatten)]
    #[schema(additional_properties)]
    pub members: Map<String, Value>,
}

/// A field that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// The field's name, such as `limits.cpu_ms`.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}
