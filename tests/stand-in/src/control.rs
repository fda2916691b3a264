//! Control routes, for use from a shell. They move the clock, seed people and list requests and deliveries. They need
//! no key.

use std::time::Duration;

use http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::call::Received;
use crate::clock::written;
use crate::faults::{Fault, Planned};
use crate::project::acts::Act;
use crate::project::webhook::{AuthType, FIRST};
use crate::project::{Identifier, Subscriptions, user_body};
use crate::reply::Reply;
use crate::shared::Shared;

/// The path prefix of these routes.
pub(crate) const PREFIX: &str = "/_stand-in/";

/// The routes, for help texts: method and path, example body, description.
pub const CONTROL_ROUTES: &[(&str, &str, &str)] = &[
    ("GET /_stand-in/keys", "", "returns the standard, read-only and mobile keys"),
    ("GET /_stand-in/clock", "", "returns the time"),
    (
        "POST /_stand-in/clock",
        r#"{"advanceSeconds":600} or {"freeze":true}"#,
        "moves, stops or starts the clock",
    ),
    ("GET /_stand-in/requests", "", "lists every request received"),
    ("DELETE /_stand-in/requests", "", "the same, and clears the list"),
    ("GET /_stand-in/deliveries", "", "lists every webhook delivery, with headers and body"),
    (
        "POST /_stand-in/deliveries",
        r#"{"eventName":"emailUnsubscribe"} or "not JSON""#,
        "delivers a body, or the text of a string verbatim",
    ),
    ("GET /_stand-in/people/ada@example.com", "", "returns a person's true state, or null"),
    (
        "POST /_stand-in/people",
        r#"{"email":"ada@example.com","unsubscribedChannelIds":[]}"#,
        "seeds a person",
    ),
    (
        "POST /_stand-in/acts",
        r#"{"email":"ada@example.com","act":"unsubscribe-by-link","channel":6539}"#,
        "performs an act of a person",
    ),
    (
        "POST /_stand-in/webhook",
        r#"{"endpoint":"http://127.0.0.1:8000/","authType":"OAuth2","authToken":"t"}"#,
        "changes a webhook at once",
    ),
    (
        "POST /_stand-in/faults",
        r#"{"fault":{"gateway":502},"on":"POST /api/users/forget","times":1}"#,
        "injects a fault into requests",
    ),
    ("POST /_stand-in/forgotten", r#"{"count":400000}"#, "adds forgotten people"),
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ClockMove {
    #[serde(default)]
    advance_seconds: f64,
    freeze: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewPerson {
    email: Option<String>,
    user_id: Option<String>,
    #[serde(alias = "userListIds")]
    email_list_ids: Option<Vec<i64>>,
    unsubscribed_channel_ids: Option<Vec<i64>>,
    unsubscribed_message_type_ids: Option<Vec<i64>>,
    subscribed_message_type_ids: Option<Vec<i64>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Acting {
    email: Option<String>,
    user_id: Option<String>,
    #[serde(flatten)]
    act: Act,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WebhookSetting {
    id: Option<i64>,
    endpoint: Option<String>,
    auth_type: Option<AuthType>,
    auth_token: Option<String>,
    enabled: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlannedFault {
    fault: Fault,
    on: String,
    #[serde(default = "once")]
    times: u32,
}

fn once() -> u32 {
    1
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Count {
    count: usize,
}

/// Why a control request is rejected.
#[derive(Debug, thiserror::Error)]
enum ControlError {
    #[error("no such route; see iterable-stand-in --help")]
    Route,
    #[error("cannot read the body: {0}")]
    Body(#[from] serde_json::Error),
    #[error("email or userId must be given")]
    Nobody,
    #[error("advanceSeconds must be a non-negative number of seconds")]
    Backwards,
}

pub(crate) fn run(shared: &Shared, received: &Received) -> Reply {
    let reply = match steer(shared, received) {
        Ok(body) => Reply::ok(&body),
        Err(wrong) => {
            let status = if matches!(wrong, ControlError::Route) {
                StatusCode::NOT_FOUND
            } else {
                StatusCode::BAD_REQUEST
            };
            Reply::json(status, &json!({"error": wrong.to_string()}))
        }
    };
    shared.notify_changed();
    reply
}

fn steer(shared: &Shared, received: &Received) -> Result<Value, ControlError> {
    let segments = received.segments();
    let path: Vec<&str> = segments.iter().skip(1).map(String::as_str).collect();
    match (received.method.as_str(), path.as_slice()) {
        ("GET", ["keys"]) => Ok(shared.keys.to_json()),
        ("GET", ["clock"]) => Ok(time(shared)),
        ("POST", ["clock"]) => move_clock(shared, &read(received)?),
        ("GET", ["requests"]) => Ok(json!(shared.requests())),
        ("DELETE", ["requests"]) => Ok(json!(shared.take_requests())),
        ("GET", ["deliveries"]) => Ok(shared.with(|project| json!(project.outbox.all()))),
        ("POST", ["deliveries"]) => {
            let body: Value = read(received)?;
            shared.with(|project| project.deliver(&body));
            Ok(json!({}))
        }
        ("GET", ["people", id]) => Ok(person(shared, &Identifier::from(*id))),
        ("POST", ["people"]) => seed(shared, read(received)?),
        ("POST", ["acts"]) => act(shared, read(received)?),
        ("POST", ["webhook"]) => Ok(set_webhook(shared, read(received)?)),
        ("POST", ["faults"]) => {
            let PlannedFault { fault, on, times } = read(received)?;
            shared.plan(Planned { fault, on, times });
            Ok(json!({}))
        }
        ("POST", ["forgotten"]) => {
            let Count { count } = read(received)?;
            shared.with(|project| project.seed_forgotten(count));
            Ok(json!({}))
        }
        _ => Err(ControlError::Route),
    }
}

fn read<T: DeserializeOwned>(received: &Received) -> Result<T, ControlError> {
    Ok(serde_json::from_slice(&received.bytes)?)
}

fn time(shared: &Shared) -> Value {
    json!({"now": written(shared.clock().now())})
}

fn move_clock(shared: &Shared, wanted: &ClockMove) -> Result<Value, ControlError> {
    let by = Duration::try_from_secs_f64(wanted.advance_seconds).map_err(|_| ControlError::Backwards)?;
    match wanted.freeze {
        Some(true) => shared.clock().freeze(),
        Some(false) => shared.clock().resume(),
        None => {}
    }
    shared.clock().advance(by);
    Ok(time(shared))
}

fn person(shared: &Shared, id: &Identifier) -> Value {
    shared.with(|project| {
        let user = project.person(id).map(|profile| user_body(project, profile));
        json!({"person": user.as_ref().and_then(|user| user.get("user")), "forgotten": project.is_forgotten(id)})
    })
}

fn seed(shared: &Shared, new: NewPerson) -> Result<Value, ControlError> {
    if new.email.is_none() && new.user_id.is_none() {
        return Err(ControlError::Nobody);
    }
    let arrays = [
        new.email_list_ids,
        new.unsubscribed_channel_ids,
        new.unsubscribed_message_type_ids,
        new.subscribed_message_type_ids,
    ];
    let chose = arrays.iter().any(Option::is_some);
    let [lists, unsubscribed_channels, unsubscribed_message_types, subscribed_message_types] =
        arrays.map(Option::unwrap_or_default);
    let subscriptions =
        Subscriptions { lists, unsubscribed_channels, unsubscribed_message_types, subscribed_message_types };
    shared.with(|project| {
        project.seed(new.email.as_deref(), new.user_id.as_deref(), chose.then_some(subscriptions));
    });
    Ok(json!({}))
}

fn act(shared: &Shared, acting: Acting) -> Result<Value, ControlError> {
    let id = match (acting.email, acting.user_id) {
        (Some(email), _) => Identifier::email(email),
        (None, Some(id)) => Identifier::user_id(id),
        (None, None) => return Err(ControlError::Nobody),
    };
    shared.with(|project| project.act(&id, &acting.act));
    Ok(json!({}))
}

fn set_webhook(shared: &Shared, wanted: WebhookSetting) -> Value {
    shared.with(|project| {
        let webhook = project.webhook(wanted.id.unwrap_or(FIRST));
        webhook.endpoint = wanted.endpoint.unwrap_or_else(|| std::mem::take(&mut webhook.endpoint));
        webhook.auth_type = wanted.auth_type.unwrap_or(webhook.auth_type);
        webhook.enabled = wanted.enabled.unwrap_or(webhook.enabled);
        if let Some(token) = wanted.auth_token {
            webhook.set_token(token);
        }
        let mut shown = Map::new();
        shown.insert("id".to_owned(), json!(webhook.id));
        shown.insert("endpoint".to_owned(), json!(webhook.endpoint));
        Value::Object(shown)
    })
}
