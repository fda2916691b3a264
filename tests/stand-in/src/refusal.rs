//! Why Iterable does not do what was asked, and how it says so.

use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

use crate::reply::Reply;
use crate::switches::{BadBody, BadKey, ForgottenStatus, NotAllowed, Switches, TooLarge, UnknownUserId};

/// Why Iterable does not do what was asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// No such key, or one of another project or data centre.
    BadKey,
    /// The key's kind may not do this.
    WeakKey {
        /// The kind, as Iterable writes it.
        kind: &'static str,
    },
    /// Only a server-side key may merge.
    MergeForbidden,
    /// No such path and method.
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
    /// That is no e-mail address.
    InvalidEmail(String),
    /// The same, told of the address that `updateEmail` starts from.
    InvalidCurrentEmail(String),
    /// That is no userId.
    InvalidUserId(String),
    /// `BadParams` with this text.
    BadParams(String),
    /// Documented as an error of an unknown code.
    NotAllowed(String),
    /// Nobody has this userId, and an e-mail is needed to create a person.
    UnknownUserIdError(String),
    /// Nobody has this userId (a read).
    NoSuchUserId,
    /// Two people would have the same identifier: `EmailAlreadyExists` or `UserIdAlreadyExists`.
    Taken(&'static str),
    /// The person is forgotten.
    Forgotten,
    /// A field has another type than before.
    TypeMismatch {
        /// The project.
        project: u32,
        /// The field.
        field: String,
        /// The type that it has.
        expected: &'static str,
        /// What the value could be.
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
    /// No such list (a read).
    NoSuchListToRead {
        /// The project.
        project: u32,
        /// The list.
        list: String,
    },
    /// No such webhook (404).
    NoSuchWebhook(i64),
}

/// A field of a body that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadField {
    /// `obj.users[1].preferUserId`.
    pub path: String,
    /// What was wanted; none where the field is missing.
    pub wanted: Option<Wanted>,
}

/// A type that a body's field must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
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

/// What a refusal may tell of the request that it refuses.
pub(crate) struct Told<'a> {
    pub(crate) path: &'a str,
    pub(crate) ip: &'a str,
    pub(crate) headers: &'a [(String, String)],
    pub(crate) body: &'a str,
    pub(crate) key_id: &'a str,
}

impl Refusal {
    pub(crate) fn reply(&self, switches: &Switches, told: &Told<'_>) -> Reply {
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
                type_mismatch(*project, field, (expected, incoming), value)
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

    fn reply_to_key(&self, switches: &Switches, told: &Told<'_>) -> Reply {
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

/// The one answer whose recorded fields stand in this order.
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

fn type_mismatch(project: u32, field: &str, (expected, incoming): (&str, &[&str]), value: &Value) -> Reply {
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

fn bad_body(field: Option<&BadField>, form: BadBody, told: &Told<'_>) -> Reply {
    let msg = match form {
        BadBody::Short => format!("[{}] Invalid JSON body", told.path),
        BadBody::Echo2022 | BadBody::Echo2017 => {
            let headers: Vec<String> =
                told.headers.iter().map(|(name, value)| format!("({name},{value})")).collect();
            format!("[{}] body: {}, hdrs: ArrayBuffer({})", told.path, told.body, headers.join(", "))
        }
    };
    let params = field.map_or(Value::Null, |field| {
        let old = field.wanted.map_or("error.path.missing", Wanted::old);
        let what = match form {
            BadBody::Short => json!(field.wanted.map_or("Value is missing", Wanted::sentence)),
            BadBody::Echo2022 => json!([{"msg": [old], "args": []}]),
            BadBody::Echo2017 => json!([{"msg": old, "args": []}]),
        };
        json!({field.path.as_str(): what})
    });
    Reply::envelope(StatusCode::BAD_REQUEST, "BadJsonBody", &msg, params)
}

impl Wanted {
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
