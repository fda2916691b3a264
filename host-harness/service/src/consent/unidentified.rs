//! Events without an identifier that identifies a person, such as an event with only a user id in an email project.
//! Tested in `src/consent/tests/shared.rs`.
//!
//! Such an event merges no people, and it is not lost: its choices go to the feed with the identifiers that it
//! carries, and each person known by one of them is read at the vendor.

use super::look::request_reading;
use super::{append, arrival::DeliveryArrival, vendor_event::concerns_notice};
use crate::requests::person_context::PersonContext;
use host_model::{
    consent::{
        Cause,
        newest::{clamp_time, hear},
    },
    contract::{
        consent::{Choice, Preference},
        webhook::ConsentEvent,
    },
};
use host_store::{
    Keys, StoreError, SubjectNames, Tx,
    alarms::{self, Alarm},
    attributes, deliveries, events,
    items::MappingContext,
    person::UNIDENTIFIED,
};

/// The maximum number of people to read for one event. An identifier shared by more people, such as a placeholder,
/// says nothing about any of them.
const MAX_READ: usize = 24;

/// Processes `event`, which is about one of the people with an attribute of `named`.
pub(super) async fn process_event(
    tx: &mut Tx,
    keys: &Keys,
    arrival: DeliveryArrival<'_>,
    ground: &MappingContext,
    event: &ConsentEvent,
    named: &SubjectNames,
) -> Result<(), StoreError> {
    let DeliveryArrival { tenant, connection, delivery, received_at } = arrival;
    if named.attributes.is_empty() {
        let detail = "a consent event contains no identifier: look for the person at the vendor";
        return alarm(tx, arrival, delivery, detail).await;
    }
    if !events::is_new(tx, connection, keys.person.digest(event.key.as_bytes()), UNIDENTIFIED, received_at)
        .await?
    {
        return Ok(());
    }
    let subject = &event.subject;
    let about = PersonContext {
        tenant,
        connection,
        person: UNIDENTIFIED,
        subject,
        names: &named.identifying,
        at: received_at,
    };
    let cause = Cause::of_event(connection, &event.key);
    for chosen in &event.preferences {
        append_choice(tx, keys, &about, ground, &cause, chosen).await?;
    }
    if !event.preferences.is_empty() || concerns_notice(ground, &event.changed) {
        read_all(tx, keys, arrival, named).await?;
    }
    Ok(())
}

/// A notice is reported only if it is opted out: whether every item is opted in is not known.
async fn append_choice(
    tx: &mut Tx,
    keys: &Keys,
    about: &PersonContext<'_>,
    ground: &MappingContext,
    cause: &Cause,
    chosen: &Preference,
) -> Result<(), StoreError> {
    let chosen = Preference { chosen_at_ms: clamp_time(chosen.chosen_at_ms, about.at), ..chosen.clone() };
    let stands = hear(None, &chosen, &[]).stands;
    append::item(tx, keys, about, ground, &chosen.item, &stands, cause).await?;
    match ground.notice_of(&chosen.item) {
        Some(notice) if chosen.choice == Choice::OptOut => {
            append::notice(tx, keys, about, notice, &stands, cause).await
        }
        _ => Ok(()),
    }
}

/// Requests a reading of each person whom the event may be about.
async fn read_all(
    tx: &mut Tx,
    keys: &Keys,
    arrival: DeliveryArrival<'_>,
    named: &SubjectNames,
) -> Result<(), StoreError> {
    let DeliveryArrival { tenant, connection, delivery, received_at } = arrival;
    let people = attributes::people_with(tx, connection, &named.attributes, MAX_READ + 1).await?;
    if people.len() > MAX_READ {
        let detail = format!(
            "a consent event may be about any of more than {MAX_READ} people who share an identifier, too many to \
             read at the vendor: reconcile them"
        );
        return alarm(tx, arrival, &shared(named), &detail).await;
    }
    for person in people {
        // The delivery is deleted with the first of them who is erased.
        deliveries::record_person(tx, delivery, person).await?;
        match attributes::subject(tx, &keys.vault, connection, person).await {
            Ok(Some(subject)) => {
                let known = SubjectNames::at(tx, keys, connection, &subject).await?;
                let about = PersonContext {
                    tenant,
                    connection,
                    person,
                    subject: &subject,
                    names: &known.identifying,
                    at: received_at,
                };
                request_reading(tx, keys, &about).await?;
            }
            Err(error) if !error.is_about_one_row() => return Err(error),
            Ok(None) | Err(_) => {
                let detail = "a consent event may be about a person of whom only hashes are stored: reconcile the \
                              people who share its identifier";
                alarm(tx, arrival, &shared(named), detail).await?;
            }
        }
    }
    Ok(())
}

/// Returns what an alarm is about: the keyed hash of the shared identifier.
fn shared(named: &SubjectNames) -> String {
    named.attributes.first().map(|name| hex::encode(name.digest)).unwrap_or_default()
}

async fn alarm(
    tx: &mut Tx,
    arrival: DeliveryArrival<'_>,
    about: &str,
    detail: &str,
) -> Result<(), StoreError> {
    let DeliveryArrival { tenant, connection, received_at, .. } = arrival;
    let kind = "consent-event-unidentified";
    let alarm = Alarm { tenant, connection: Some(connection), kind, about, detail };
    alarms::raise(tx, received_at, &alarm).await
}
