//! What the API returns about a person, and the events that a customer tracks.

use http::StatusCode;
use serde_json::{Value, json};

use super::answer::Answer;
use crate::body::Fields;
use crate::call::Call;
use crate::clock::written;
use crate::project::{Identifier, PersonRef, Project, check_email};
use crate::refusal::Refusal;
use crate::reply::Reply;

/// Always empty: the stand-in sends no messages.
pub(super) fn sent_messages(_: &mut Project, call: &Call<'_>) -> Answer {
    requested_person(call)?;
    Ok(Reply::ok(&json!({"messages": []})))
}

pub(super) fn events(project: &mut Project, call: &Call<'_>) -> Answer {
    check_email(call.blank(0))?;
    latest(project, &Identifier::email(call.blank(0)), call)
}

pub(super) fn events_by_user_id(project: &mut Project, call: &Call<'_>) -> Answer {
    latest(project, &Identifier::user_id(call.blank(0)), call)
}

/// Returns the latest events, newest first, at most 200.
fn latest(project: &Project, id: &Identifier, call: &Call<'_>) -> Answer {
    let limit = call.parameter("limit").and_then(|limit| limit.parse().ok()).unwrap_or(30).clamp(1, 200);
    let events: Vec<&Value> = project.events_of(id).iter().rev().take(limit).collect();
    Ok(Reply::ok(&json!({"events": events})))
}

/// Returns one event per line. Custom events are included only on request.
pub(super) fn export(project: &mut Project, call: &Call<'_>) -> Answer {
    let id = requested_person(call)?;
    let custom = call.parameter("includeCustomEvents").as_deref() == Some("true");
    let wanted = |event: &&Value| custom || event.get("eventType") != Some(&json!("customEvent"));
    let lines: String = project
        .events_of(&id)
        .iter()
        .filter(wanted)
        .flat_map(|event| [event.to_string(), "\n".to_owned()])
        .collect();
    Ok(Reply::raw(StatusCode::OK, "application/x-json-stream", lines))
}

fn requested_person(call: &Call<'_>) -> Result<Identifier, Refusal> {
    match (call.parameter("email"), call.parameter("userId")) {
        (Some(email), _) => check_email(&email).map(|()| Identifier::email(email)),
        (None, Some(id)) => Ok(Identifier::user_id(id)),
        (None, None) => Err(Refusal::BadParams("Either email or userId must be set: {}".to_owned())),
    }
}

pub(super) fn track(project: &mut Project, call: &Call<'_>) -> Answer {
    track_one(project, &Fields::of(call.body())?)?;
    Ok(Reply::success())
}

pub(super) fn track_bulk(project: &mut Project, call: &Call<'_>) -> Answer {
    let fields = Fields::of(call.body())?;
    let events = fields.required("events", fields.objects("events")?)?;
    let (mut successes, mut emails, mut ids) = (0, Vec::new(), Vec::new());
    for event in &events {
        match track_one(project, event) {
            Ok(()) => successes += 1,
            Err(refusal @ Refusal::BadBody(_)) => return Err(refusal),
            Err(_) => match event.text("email")? {
                Some(email) => emails.push(email),
                None => ids.extend(event.text("userId")?),
            },
        }
    }
    Ok(Reply::ok(&json!({
        "successCount": successes,
        "failCount": events.len() - successes,
        "invalidEmails": emails,
        "invalidUserIds": ids,
        "disallowedEventNames": [],
    })))
}

fn track_one(project: &mut Project, fields: &Fields<'_>) -> Result<(), Refusal> {
    let name = fields.required("eventName", fields.text("eventName")?)?;
    let person = PersonRef { email: fields.text("email")?, user_id: fields.text("userId")? };
    let mut event = fields.object("dataFields")?.cloned().unwrap_or_default();
    event.insert("eventType".to_owned(), json!("customEvent"));
    event.insert("eventName".to_owned(), json!(name));
    event.insert("createdAt".to_owned(), json!(written(project.now)));
    project.track(person, Value::Object(event))
}
