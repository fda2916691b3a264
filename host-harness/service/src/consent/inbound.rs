//! Events from the vendor: choices that a person made there.
//! Tested in `src/consent/tests`.

use super::{
    after_erasure,
    arrival::DeliveryArrival,
    unidentified,
    vendor_event::{VendorEvent, process_person_event},
};
use crate::requests::person_context::PersonContext;
use host_model::contract::webhook::ConsentEvent;
use host_store::{
    Keys, StoreError, SubjectNames, Tx, attributes, deliveries,
    details::WithheldEvent,
    events,
    items::{self, MappingContext},
    people::{self},
};

/// Processes the events of a delivery, in the transaction that marks it as read. The caller must ring the bell of
/// requests after the commit.
pub(crate) async fn process_delivery(
    tx: &mut Tx,
    keys: &Keys,
    arrival: DeliveryArrival<'_>,
    events: Vec<ConsentEvent>,
) -> Result<(), StoreError> {
    let ground = items::ground(tx, arrival.tenant, arrival.connection).await?;
    for event in events {
        process_one(tx, keys, arrival, &ground, &event).await?;
    }
    Ok(())
}

async fn process_one(
    tx: &mut Tx,
    keys: &Keys,
    arrival: DeliveryArrival<'_>,
    ground: &MappingContext,
    event: &ConsentEvent,
) -> Result<(), StoreError> {
    let DeliveryArrival { tenant, connection, received_at, .. } = arrival;
    let named = SubjectNames::at(tx, keys, connection, &event.subject).await?;
    if !named.identify() {
        return unidentified::process_event(tx, keys, arrival, ground, event, &named).await;
    }
    let person = people::known_as(tx, connection, &named.identifying).await?;
    attributes::note(tx, &keys.vault, connection, person, &event.subject, &named).await?;
    deliveries::record_person(tx, arrival.delivery, person).await?;
    if !events::is_new(tx, connection, keys.person.digest(event.key.as_bytes()), person, received_at).await? {
        return Ok(());
    }
    let subject = &event.subject;
    let about =
        PersonContext { tenant, connection, person, subject, names: &named.identifying, at: received_at };
    if people::is_erased(tx, connection, &named.identifying).await? {
        let withheld = WithheldEvent {
            delivery: arrival.delivery.to_owned(),
            key: event.key.clone(),
            preferences: event.preferences.clone(),
            received_at,
        };
        return after_erasure::withhold(tx, keys, &about, withheld).await;
    }
    process_person_event(tx, keys, &about, ground, VendorEvent::of(event)).await
}
