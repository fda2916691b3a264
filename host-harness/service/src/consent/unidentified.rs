//! Events that name nobody by an identifier that identifies a person, such as one with a user id alone in an email project.
//!
//! Such an event merges nobody and is not lost: its choices go to the feed with the identifiers that it carries, and everybody known by
//! one of them is read at the vendor.

use super::look::look;
use super::{arrival::Arrival, heard::concern, tell};
use crate::requests::about::About;
use host_model::{
    consent::{
        Cause,
        newest::{by_then, hear},
    },
    contract::{
        consent::{Choice, Preference},
        webhook::ConsentEvent,
    },
};
use host_store::{
    Connection, Keys, Named, StoreError,
    alarms::{self, Alarm},
    attributes, deliveries, events,
    items::Ground,
    person::NOBODY,
};

/// People that one event has read: an identifier that more of them share, such as a placeholder, says nothing about any.
const MAX_READ: usize = 24;

/// Takes in `event`, which is about one of those who have an attribute of `named`.
pub(super) async fn take(
    tx: &mut Connection,
    keys: &Keys,
    arrival: Arrival<'_>,
    ground: &Ground,
    event: &ConsentEvent,
    named: &Named,
) -> Result<(), StoreError> {
    let Arrival { tenant, connection, delivery, received_at } = arrival;
    if named.attributes.is_empty() {
        let detail = "an event about choices names no person: look for the person at the vendor";
        return alarm(tx, arrival, delivery, detail).await;
    }
    if !events::is_new(tx, connection, keys.person.digest(event.key.as_bytes()), NOBODY, received_at).await? {
        return Ok(());
    }
    let subject = &event.subject;
    let about =
        About { tenant, connection, person: NOBODY, subject, names: &named.identifying, at: received_at };
    let cause = Cause::of_event(connection, &event.key);
    for chosen in &event.preferences {
        tell_choice(tx, keys, &about, (ground, &cause), chosen).await?;
    }
    if !event.preferences.is_empty() || concern(ground, &event.changed) {
        read_all(tx, keys, arrival, named).await?;
    }
    Ok(())
}

/// A notice is reported only if it is opted out: whether every item is opted in is not known.
async fn tell_choice(
    tx: &mut Connection,
    keys: &Keys,
    about: &About<'_>,
    (ground, cause): (&Ground, &Cause),
    chosen: &Preference,
) -> Result<(), StoreError> {
    let chosen = Preference { chosen_at_ms: by_then(chosen.chosen_at_ms, about.at), ..chosen.clone() };
    let stands = hear(None, &chosen, &[]).stands;
    tell::item(tx, keys, about, ground, (&chosen.item, &stands), cause).await?;
    match ground.notice_of(&chosen.item) {
        Some(notice) if chosen.choice == Choice::OptOut => {
            tell::notice(tx, keys, about, notice, &stands, cause).await
        }
        _ => Ok(()),
    }
}

/// Has the vendor asked about everybody whom the event may be about.
async fn read_all(
    tx: &mut Connection,
    keys: &Keys,
    arrival: Arrival<'_>,
    named: &Named,
) -> Result<(), StoreError> {
    let Arrival { tenant, connection, delivery, received_at } = arrival;
    let people = attributes::people_with(tx, connection, &named.attributes, MAX_READ + 1).await?;
    if people.len() > MAX_READ {
        let detail = format!(
            "an event about choices may be about any of more than {MAX_READ} people who share an identifier, too many to be \
             read at the vendor: reconcile them"
        );
        return alarm(tx, arrival, &shared(named), &detail).await;
    }
    for person in people {
        // The delivery goes with the first of them who is erased.
        deliveries::concerns(tx, delivery, person).await?;
        match attributes::subject(tx, &keys.vault, connection, person).await {
            Ok(Some(subject)) => {
                let known = Named::at(tx, keys, connection, &subject).await?;
                let about = About {
                    tenant,
                    connection,
                    person,
                    subject: &subject,
                    names: &known.identifying,
                    at: received_at,
                };
                look(tx, keys, &about).await?;
            }
            Err(error) if !error.is_about_one_row() => return Err(error),
            Ok(None) | Err(_) => {
                let detail = "an event about choices may be about a person of whom only hashes are kept: reconcile \
                              the people who share its identifier";
                alarm(tx, arrival, &shared(named), detail).await?;
            }
        }
    }
    Ok(())
}

/// What an alarm is about: the keyed hash of the identifier that is shared.
fn shared(named: &Named) -> String {
    named.attributes.first().map(|name| hex::encode(name.digest)).unwrap_or_default()
}

async fn alarm(
    tx: &mut Connection,
    arrival: Arrival<'_>,
    about: &str,
    detail: &str,
) -> Result<(), StoreError> {
    let Arrival { tenant, connection, received_at, .. } = arrival;
    let kind = "consent-event-unidentified";
    let alarm = Alarm { tenant, connection: Some(connection), kind, about, detail };
    alarms::raise(tx, received_at, &alarm).await
}
