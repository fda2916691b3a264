//! What the vendor tells: choices that a person made there.

use super::{
    after_erasure,
    arrival::Arrival,
    heard::{Heard, take_heard},
    unidentified,
};
use crate::requests::about::About;
use host_model::contract::webhook::ConsentEvent;
use host_store::{
    Connection, Keys, Named, StoreError, attributes, deliveries,
    details::Withheld,
    events,
    items::{self, Ground},
    people::{self},
};

/// Takes in the events of a delivery, in the transaction that marks it as read. The bell of requests is to be rung once that is
/// through.
pub(crate) async fn take(
    tx: &mut Connection,
    keys: &Keys,
    arrival: Arrival<'_>,
    events: Vec<ConsentEvent>,
) -> Result<(), StoreError> {
    let ground = items::ground(tx, arrival.tenant, arrival.connection).await?;
    for event in events {
        take_one(tx, keys, arrival, &ground, &event).await?;
    }
    Ok(())
}

async fn take_one(
    tx: &mut Connection,
    keys: &Keys,
    arrival: Arrival<'_>,
    ground: &Ground,
    event: &ConsentEvent,
) -> Result<(), StoreError> {
    let Arrival { tenant, connection, received_at, .. } = arrival;
    let named = Named::at(tx, keys, connection, &event.subject).await?;
    if !named.identify() {
        return unidentified::take(tx, keys, arrival, ground, event, &named).await;
    }
    let person = people::known_as(tx, connection, &named.identifying).await?;
    attributes::note(tx, &keys.vault, connection, (person, &event.subject), &named).await?;
    deliveries::concerns(tx, arrival.delivery, person).await?;
    if !events::is_new(tx, connection, keys.person.digest(event.key.as_bytes()), person, received_at).await? {
        return Ok(());
    }
    let subject = &event.subject;
    let about = About { tenant, connection, person, subject, names: &named.identifying, at: received_at };
    if people::is_erased(tx, connection, &named.identifying).await? {
        let withheld = Withheld {
            delivery: arrival.delivery.to_owned(),
            key: event.key.clone(),
            preferences: event.preferences.clone(),
            received_at,
        };
        return after_erasure::withhold(tx, keys, &about, withheld).await;
    }
    take_heard(tx, keys, &about, ground, Heard::of(event)).await
}
