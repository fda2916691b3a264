//! Reads one event. Subscribe and unsubscribe events report choices, whatever the medium; a complaint event reports an
//! opt-out. All other events are irrelevant.

mod fields;
mod items;
mod kind;

use sha2::{Digest, Sha256};

use self::{
    fields::{Event, Fields, Name},
    items::Items,
    kind::Kind,
};
use super::{
    reading::{ConsentEvent, Reading},
    time,
};
use crate::{
    consent::choice::{Choice, ItemId, Preference},
    iterable::model::parse,
    subject::{EMAIL, Identifier, USER_ID},
};

/// Reads the event. The error says why it cannot be read, without repeating its content.
pub(super) fn read(body: &[u8], received_at_ms: u64) -> Result<Reading, String> {
    let name = parse::<Name>(body).ok_or("the body is not a JSON object with a text `eventName`")?.event_name;
    let Some(kind) = Kind::of(&name) else { return Ok(Reading::default()) };
    let name = kind.name();
    let Event { email, user_id, data_fields: fields } =
        parse(body).ok_or_else(|| format!("the `dataFields` of `{name}` are not of the expected form"))?;
    let items = items::of(kind, &fields)?;
    if items.is_empty() {
        return Ok(Reading::default());
    }
    let subject = match person(
        [email.as_ref(), fields.email.as_ref()],
        user_id.as_ref().or(fields.user_id.as_ref()),
    ) {
        EventPerson::Named(subject) => subject,
        EventPerson::Placeholder => {
            return Ok(Reading::warning(format!(
                "`{name}` names its person only by an address that Iterable generated: the platform cannot know who it \
             is"
            )));
        }
        EventPerson::Nobody => return Err(format!("`{name}` names no person")),
    };
    let warning = (items.unreadable > 0).then(|| {
        format!("`{name}` contains {} item ids that cannot be read: they are left out", items.unreadable)
    });
    let event = event(kind, &fields, subject, items, received_at_ms);
    Ok(Reading { event: Some(event), warning })
}

/// An opt-out without a readable time takes the time of its receipt. An opt-in without one does not count as a choice,
/// since it could override a newer opt-out.
fn event(
    kind: Kind,
    fields: &Fields,
    subject: Vec<Identifier>,
    items: Items,
    received_at_ms: u64,
) -> ConsentEvent {
    let created_at = fields.created_at.as_deref().unwrap_or_default();
    let told_at_ms = time::parse(created_at);
    let Items { chosen, changed, .. } = items;
    let (chosen, changed) = match (told_at_ms, kind.choice()) {
        (None, Choice::OptIn) => (Vec::new(), [chosen, changed].concat()),
        _ => (chosen, changed),
    };
    let time = match told_at_ms {
        Some(_) => created_at.to_owned(),
        // Keeps two events without a time distinct, while one event that is read again keeps its key.
        None => format!("{created_at} received at {received_at_ms}"),
    };
    let key = key(
        [kind.name(), &time, fields.message_id.as_deref().unwrap_or_default()],
        &subject,
        &chosen,
        &changed,
    );
    let source = source(kind, fields).unwrap_or(kind.name());
    let preference = |item| Preference {
        item,
        choice: kind.choice(),
        chosen_at_ms: told_at_ms.unwrap_or(received_at_ms),
        source: source.to_owned(),
    };
    ConsentEvent { subject, preferences: chosen.into_iter().map(preference).collect(), changed, key }
}

/// The person that an event is about.
enum EventPerson {
    Named(Vec<Identifier>),
    /// Only an address that Iterable generated for a person without one.
    Placeholder,
    Nobody,
}

fn person(emails: [Option<&String>; 2], user_id: Option<&String>) -> EventPerson {
    let is_real = |email: &&String| !email.trim().to_ascii_lowercase().ends_with("@placeholder.email");
    let identifier = |kind: &str, value: &String| Identifier { kind: kind.to_owned(), value: value.clone() };
    let email = emails.into_iter().flatten().find(is_real).map(|value| identifier(EMAIL, value));
    let subject: Vec<_> = email.into_iter().chain(user_id.map(|value| identifier(USER_ID, value))).collect();
    match (subject.is_empty(), emails) {
        (false, _) => EventPerson::Named(subject),
        (true, [None, None]) => EventPerson::Nobody,
        (true, _) => EventPerson::Placeholder,
    }
}

/// What caused the choice, if given as a plain word. Imports can put anything there.
fn source(kind: Kind, fields: &Fields) -> Option<&str> {
    let source = match kind {
        Kind::Subscribe => fields.signup_source.as_deref(),
        Kind::Unsubscribe => fields.unsub_source.as_deref(),
        Kind::Complaint => Some("Complaint"),
    };
    source.filter(|word| word.len() <= 64 && word.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// Hashes what distinguishes an event, since Iterable's events have no id. Each part is preceded by its length, so that
/// different parts never hash the same bytes.
fn key(head: [&str; 3], subject: &[Identifier], chosen: &[ItemId], changed: &[ItemId]) -> String {
    let person = subject.iter().flat_map(|found| [found.kind.as_str(), &found.value]);
    let chosen = chosen.iter().flat_map(|item| [item.kind.as_str(), &item.id]);
    // No item kind is called `changed`, so a choice and a change of the same item differ.
    let changed = changed.iter().flat_map(|item| ["changed", &item.kind, &item.id]);
    let parts = head.into_iter().chain(person).chain(chosen).chain(changed);
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod tests;
