//! The reasons for which Iterable refuses a request, and the answers it gives.

use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

use crate::reply::Reply;
use crate::switches::{BadBody, BadKey, ForgottenStatus, NotAllowed, Switches, TooLarge, UnknownUserId};

/// The reason for which Iterable refuses a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// The key is unknown, or belongs to another project or data centre.
    BadKey,
    /// This kind of key lacks the permission.
    WeakKey {
        /// The kind, as Iterable writes it.
        kind: &'static str,
    },
    /// Only a server-side key may merge.
    MergeForbidden,
    /// No route has this path and method.
    NoRoute,
    /// The feature is not enabled for the project.
    FeatureOff {
        /// The project.
        project: u32,
    },
    /// The body is not JSON (no path), or a field is missing or of the wrong type.
    BadBody(Option<BadField>),
    /// The body is over 4 MB.
    TooLarge,
    /// Not a valid e-mail address.
    InvalidEmail(String),
    /// Not a valid e-mail address, as the current address in `updateEmail`.
    InvalidCurrentEmail(String),
    /// Not a valid userId.
    InvalidUserId(String),
    /// `BadParams` with this text.
    BadParams(String),
    /// Documented as an error, with an unknown code.
    NotAllowed(String),
    /// No person has this userId, and creating one requires an e-mail address.
    UnknownUserIdError(String),
    /// No person has this userId, on a read.
    NoSuchUserId,
    /// Two people would have the same identifier: `EmailAlreadyExists` or `UserIdAlreadyExists`.
    Taken(&'static str),
    /// The person is forgotten.
    Forgotten,
    /// A field has a different type than before.
    TypeMismatch {
        /// The project.
        project: u32,
        /// The field.
        field: String,
        /// The type of the field.
        expected: &'static str,
        /// The types that the value could have.
        incoming: Vec<&'static str>,
        /// The value.
        value: Value,
    },
    /// No such static list.
    NoSuchList {
        /// The project.
        project: u32,
        /// The list.
        list: i64,
    },
    /// No such list, on a read.
    NoSuchListToRead {
        /// The project.
        project: u32,
        /// The list.
        list: String,
    },
    /// No such webhook (404).
    NoSuchWebhook(i64),
}

/// An invalid field of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadField {
    /// The path of the field, such as `obj.users[1].preferUserId`.
    pub path: String,
    /// The expected type. `None` if the field is missing.
    pub wanted: Option<ExpectedType>,
}

/// A type that a body's field must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpectedType {
    /// A string.
    Text,
    /// A number.
    Number,
    /// A boolean.
    Bool,
    /// An array.
    Array,
    /// An object.
    Object,
    /// One of a set of words.
    Word,
}

/// The parts of a request that a refusal may repeat.
pub(crate) struct RequestExcerpt<'a> {
    pub(crate) path: &'a str,
    pub(crate) ip: &'a str,
    pub(crate) headers: &'a [(String, String)],
    pub(crate) body: &'a str,
    pub(crate) key_id: &'a str,
}

impl Refusal {
    pub(crate) fn reply(&self, switches: &Switches, told: &RequestExcerpt<'_>) -> Reply {
        let bad = |code: &str, msg: &str| Reply::envelope(StatusCode::BAD_REQUEST, code, msg, Value::Null);
        match self {
            Self::BadKey | Self::WeakKey { .. } | Self::MergeForbidden => self.reply_to_key(switches, told),
            Self::NoRoute => Reply::html(StatusCode::NOT_FOUND, "Action not found"),
            Self::FeatureOff { project } => feature_off(*project),
            Self::BadBody(field) => bad_body(field.as_ref(), switches.bad_body, told),
            Self::TooLarge => too_large(switches.too_large),
            Self::InvalidEmail(email) => bad("InvalidEmailAddressError", &format!("Invalid email: {email}")),
            Self::InvalidCurrentEmail(email) => {
                bad("InvalidEmailAddressError", &format!("Invalid currentEmail {email}"))
            }
            Self::InvalidUserId(id) => bad("InvalidUserIdError", &format!("Invalid userId: {id}")),
            Self::BadParams(msg) => bad("BadParams", msg),
            Self::NotAllowed(msg) => match switches.not_allowed {
                NotAllowed::BadParams => bad("BadParams", msg),
                NotAllowed::GenericError => bad("GenericError", msg),
            },
            Self::UnknownUserIdError(id) => {
                bad("UnknownUserIdError", &format!("No user with userId {id} exists"))
            }
            Self::NoSuchUserId => no_such_user_id(switches.unknown_user_id),
            Self::Taken(code) => Reply::envelope(StatusCode::CONFLICT, code, "", Value::Null),
            Self::Forgotten => {
                let status = match switches.forgotten_status {
                    ForgottenStatus::Status409 => StatusCode::CONFLICT,
                    ForgottenStatus::Status400 => StatusCode::BAD_REQUEST,
                };
                Reply::envelope(status, "ForgottenUserError", "Contact is GDPR forgotten", Value::Null)
            }
            Self::TypeMismatch { project, field, expected, incoming, value } => {
                type_mismatch(*project, field, expected, incoming, value)
            }
            Self::NoSuchList { project, list } => Reply::envelope(
                StatusCode::BAD_REQUEST,
                "Success",
                &format!("error.lists.invalidListId({list})"),
                json!({"projectId": project, "listId": list}),
            ),
            Self::NoSuchListToRead { project, list } => Reply::envelope(
                StatusCode::BAD_REQUEST,
                "BadParams",
                "Invalid email list id",
                json!({"projectId": project.to_string(), "listId": list}),
            ),
            Self::NoSuchWebhook(id) => {
                Reply::envelope(StatusCode::NOT_FOUND, "NotFound", &format!("No webhook {id}"), Value::Null)
            }
        }
    }

    fn reply_to_key(&self, switches: &Switches, told: &RequestExcerpt<'_>) -> Reply {
        let unauthorized = StatusCode::UNAUTHORIZED;
        match self {
            Self::MergeForbidden => Reply::envelope(
                StatusCode::FORBIDDEN,
                "Forbidden",
                "A server-side key is needed",
                Value::Null,
            ),
            Self::WeakKey { kind } => Reply::envelope(
                unauthorized,
                "BadApiKey",
                "Disabled API key or insufficient privileges",
                json!({"ip": told.ip, "endpoint": told.path, "apiKeyIdentifier": told.key_id, "apiKeyType": kind}),
            ),
            _ => match switches.bad_key {
                BadKey::BadApiKey => Reply::envelope(
                    unauthorized,
                    "BadApiKey",
                    "Invalid API key",
                    json!({"ip": told.ip, "endpoint": told.path}),
                ),
                BadKey::Success => Reply::envelope(
                    unauthorized,
                    "Success",
                    "Invalid API key",
                    json!({"endpoint": told.path}),
                ),
            },
        }
    }
}

/// The only recorded answer with its fields in this order.
fn feature_off(project: u32) -> Reply {
    #[derive(Serialize)]
    struct Off {
        code: &'static str,
        msg: String,
    }
    let msg = format!("Endpoint not found for project: {project}");
    Reply::json(StatusCode::NOT_FOUND, &Off { code: "NotFound", msg })
}

fn too_large(switch: TooLarge) -> Reply {
    let status = match switch {
        TooLarge::Status400 => StatusCode::BAD_REQUEST,
        TooLarge::Status413 => StatusCode::PAYLOAD_TOO_LARGE,
    };
    Reply::envelope(status, "BatchTooLarge", "The request is larger than 4 MB", Value::Null)
}

fn no_such_user_id(switch: UnknownUserId) -> Reply {
    let coded = |status| {
        let msg = "error.users.noUserWithIdExists";
        Reply::envelope(status, msg, msg, Value::Null)
    };
    match switch {
        UnknownUserId::Text400 => Reply::text(StatusCode::BAD_REQUEST, "No user with that id exists!"),
        UnknownUserId::Empty200 => Reply::ok(&json!({})),
        UnknownUserId::Code400 => coded(StatusCode::BAD_REQUEST),
        UnknownUserId::Code404 => coded(StatusCode::NOT_FOUND),
        UnknownUserId::Code500 => coded(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

fn type_mismatch(project: u32, field: &str, expected: &str, incoming: &[&str], value: &Value) -> Reply {
    let msg = format!(
        "Project {project}: The request does not have the same data types as the data previously submitted. Field \
         '{field}' already exists for type 'user' and has a data type of '{expected}' but possible types '{}' in the \
         request.",
        incoming.join(", ")
    );
    let error = json!({
        "incomingTypes": incoming,
        "expectedType": expected,
        "_type": "UnexpectedType",
        "offendingValue": value,
        "category": "user",
    });
    let params = json!({"validationErrors": {field: error}});
    Reply::envelope(StatusCode::BAD_REQUEST, "RequestFieldsTypesMismatched", &msg, params)
}

fn bad_body(field: Option<&BadField>, form: BadBody, told: &RequestExcerpt<'_>) -> Reply {
    let msg = match form {
        BadBody::Short => format!("[{}] Invalid JSON body", told.path),
        BadBody::Echo2022 | BadBody::Echo2017 => {
            let headers: Vec<String> =
                told.headers.iter().map(|(name, value)| format!("({name},{value})")).collect();
            format!("[{}] body: {}, hdrs: ArrayBuffer({})", told.path, told.body, headers.join(", "))
        }
    };
    let params = field.map_or(Value::Null, |field| {
        let old = field.wanted.map_or("error.path.missing", ExpectedType::old);
        let what = match form {
            BadBody::Short => json!(field.wanted.map_or("Value is missing", ExpectedType::sentence)),
            BadBody::Echo2022 => json!([{"msg": [old], "args": []}]),
            BadBody::Echo2017 => json!([{"msg": old, "args": []}]),
        };
        json!({field.path.as_str(): what})
    });
    Reply::envelope(StatusCode::BAD_REQUEST, "BadJsonBody", &msg, params)
}

impl ExpectedType {
    fn sentence(self) -> &'static str {
        match self {
            Self::Text => "String value expected",
            Self::Number => "Number value expected",
            Self::Bool => "Boolean value expected",
            Self::Array => "Array value expected",
            Self::Object => "Object value expected",
            Self::Word => "Unknown value",
        }
    }

    fn old(self) -> &'static str {
        match self {
            Self::Text => "error.expected.jsstring",
            Self::Number => "error.expected.jsnumber",
            Self::Bool => "error.expected.jsboolean",
            Self::Array => "error.expected.jsarray",
            Self::Object => "error.expected.jsobject",
            Self::Word => "error.expected.validenumvalue",
        }
    }
}
