//! Reads one event. Two names tell of choices, whatever the medium, and one of a complaint; every other is of no concern.

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{ConsentEvent, time};
use crate::{
    consent::{CHANNEL, Choice, ItemId, MESSAGE_TYPE, Preference},
    iterable::model::{parse, text},
    subject::{EMAIL, Identifier, USER_ID},
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Name {
    event_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    #[serde(default, deserialize_with = "text")]
    email: Option<String>,
    #[serde(default, deserialize_with = "text")]
    user_id: Option<String>,
    data_fields: Fields,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    #[serde(default, deserialize_with = "text")]
    email: Option<String>,
    #[serde(default, deserialize_with = "text")]
    user_id: Option<String>,
    #[serde(default, deserialize_with = "text")]
    created_at: Option<String>,
    #[serde(default, deserialize_with = "text")]
    message_id: Option<String>,
    #[serde(default, deserialize_with = "text")]
    unsub_source: Option<String>,
    #[serde(default, deserialize_with = "text")]
    signup_source: Option<String>,
    channel_ids: Option<Vec<i64>>,
    message_type_ids: Option<Vec<i64>>,
    /// Of the message that led to the event.
    channel_id: Option<i64>,
}

/// What the event is about.
#[derive(Clone, Copy)]
enum Kind {
    Subscribe,
    Unsubscribe,
    /// Iterable takes the person out of the message's channel for it.
    Complaint,
}

/// The event, none where it is of no concern, or why it cannot be read: in words free of what it says.
pub(super) fn read(body: &[u8]) -> Result<Option<ConsentEvent>, String> {
    let name = parse::<Name>(body).ok_or("the body is not a JSON object with a text `eventName`")?.event_name;
    let kind = match name.as_str() {
        "emailSubscribe" => Kind::Subscribe,
        "emailUnSubscribe" => Kind::Unsubscribe,
        "emailComplaint" => Kind::Complaint,
        _ => return Ok(None),
    };
    let event: Event =
        parse(body).ok_or_else(|| format!("the `dataFields` of `{name}` are not of the known form"))?;
    let items = items(kind, &event.data_fields)
        .ok_or_else(|| format!("`{name}` does not tell its message's channel"))?;
    if items.is_empty() {
        return Ok(None);
    }
    let subject = subject(&event).ok_or_else(|| format!("`{name}` names no person"))?;
    let created_at = event.data_fields.created_at.as_deref().unwrap_or_default();
    let chosen_at_ms = time::parse(created_at)
        .ok_or_else(|| format!("`createdAt` of `{name}` is not of the form `yyyy-MM-dd HH:mm:ss +00:00`"))?;
    let key = key(&name, &subject, created_at, &items, event.data_fields.message_id.as_deref());
    let choice = match kind {
        Kind::Subscribe => Choice::OptIn,
        Kind::Unsubscribe | Kind::Complaint => Choice::OptOut,
    };
    let source = source(kind, &event.data_fields).unwrap_or(&name);
    let preference = |item| Preference { item, choice, chosen_at_ms, source: source.to_owned() };
    Ok(Some(ConsentEvent {
        subject,
        preferences: items.into_iter().map(preference).collect(),
        changed: Vec::new(),
        key,
    }))
}

/// The channels and message types concerned. Lists alone are no choice: people are put on and taken off them for many
/// reasons. None for a complaint that cannot be attributed.
fn items(kind: Kind, fields: &Fields) -> Option<Vec<ItemId>> {
    let concerned: Vec<(&str, i64)> = match kind {
        Kind::Complaint => vec![(CHANNEL, fields.channel_id?)],
        Kind::Subscribe | Kind::Unsubscribe => {
            let channels = fields.channel_ids.iter().flatten().map(|id| (CHANNEL, *id));
            channels.chain(fields.message_type_ids.iter().flatten().map(|id| (MESSAGE_TYPE, *id))).collect()
        }
    };
    let mut items: Vec<ItemId> = Vec::new();
    for (kind, id) in concerned {
        let item = ItemId { kind: kind.to_owned(), id: id.to_string() };
        // In order, so that the key does not depend on Iterable's.
        if let Err(at) = items.binary_search(&item) {
            items.insert(at, item);
        }
    }
    Some(items)
}

fn subject(event: &Event) -> Option<Vec<Identifier>> {
    let fields = &event.data_fields;
    // Iterable makes an address up for a person who has none.
    let real = |email: &&String| !email.to_ascii_lowercase().ends_with("@placeholder.email");
    let email = [&event.email, &fields.email].into_iter().flatten().find(real);
    let user_id = event.user_id.as_ref().or(fields.user_id.as_ref());
    let identifier = |kind: &str, value: &String| Identifier { kind: kind.to_owned(), value: value.clone() };
    let email = email.map(|value| identifier(EMAIL, value));
    let subject: Vec<_> = email.into_iter().chain(user_id.map(|value| identifier(USER_ID, value))).collect();
    (!subject.is_empty()).then_some(subject)
}

/// What caused the choice, where it is told in a plain word: imports put anything there.
fn source(kind: Kind, fields: &Fields) -> Option<&str> {
    let source = match kind {
        Kind::Subscribe => fields.signup_source.as_deref(),
        Kind::Unsubscribe => fields.unsub_source.as_deref(),
        Kind::Complaint => Some("Complaint"),
    };
    source.filter(|word| word.len() <= 64 && word.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// Iterable gives events no id. Every part goes in behind its length, so that no two events read the same.
fn key(
    name: &str,
    subject: &[Identifier],
    created_at: &str,
    items: &[ItemId],
    message: Option<&str>,
) -> String {
    let items = items.iter().map(|item| (item.kind.as_str(), item.id.as_str()));
    let person = subject.iter().map(|identifier| (identifier.kind.as_str(), identifier.value.as_str()));
    let head = [name, created_at, message.unwrap_or_default()];
    let parts = head.into_iter().chain(person.chain(items).flat_map(|(kind, value)| [kind, value]));
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod tests;
