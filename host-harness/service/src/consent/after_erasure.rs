//! Events about people who were erased here: before such an event is believed, the vendor is asked whether it still
//! has the person.
//! Tested in `src/consent/tests/shared.rs`.

use serde_json::json;

use super::{
    still_there,
    vendor_event::{self, VendorEvent},
};
use crate::requests::{handler::PreparedRequest, person_context::PersonContext, put};
use host_model::{contract::consent::Choice, requests::Action};
use host_store::{
    Keys, Store, StoreError, SubjectNames, Tx,
    audit::{self, Record},
    deliveries,
    details::{Details, WithheldEvent, key_context},
    events, items,
    requests::{self, WithholdingRequest},
};

/// Withholds an event until the vendor has answered whether it still has the person. If it cannot be asked, the
/// opt-outs are recorded.
pub(super) async fn withhold(
    tx: &mut Tx,
    keys: &Keys,
    about: &PersonContext<'_>,
    withheld: WithheldEvent,
) -> Result<(), StoreError> {
    if !put::is_carried_out(tx, about.connection, Action::Reading).await? {
        return accept_opt_outs(tx, keys, about, withheld).await;
    }
    let details = Details { withheld: Some(withheld), ..Details::about(about.subject) };
    put::put_internal(tx, keys, about, &put::new_id(), Action::Reading, PreparedRequest::with(details)).await
}

/// Handles an event if it cannot be determined whether the vendor still has the person: opt-outs are believed, opt-ins
/// are not.
pub(crate) async fn accept_opt_outs(
    tx: &mut Tx,
    keys: &Keys,
    about: &PersonContext<'_>,
    withheld: WithheldEvent,
) -> Result<(), StoreError> {
    let preferences = withheld.preferences.into_iter().filter(|chosen| chosen.choice == Choice::OptOut);
    let opt_outs = WithheldEvent { preferences: preferences.collect(), ..withheld };
    if opt_outs.preferences.is_empty() {
        return drop_event(tx, keys, about, &opt_outs).await;
    }
    still_there::alarm_not_checked(tx, about).await?;
    process_event(tx, keys, about, &opt_outs).await
}

/// Processes the events withheld by readings that ended without an answer, because they expired or were set aside.
pub(crate) async fn process_unanswered(store: &Store, at: i64) -> Result<(), StoreError> {
    for ended in store.read(|c| Box::pin(requests::withholding(c))).await? {
        let keys = store.keys(&ended.tenant).await?;
        let taken =
            store.write(move |tx| Box::pin(async move { process_ended(tx, &keys, &ended, at).await }));
        taken.await?;
    }
    Ok(())
}

async fn process_ended(
    tx: &mut Tx,
    keys: &Keys,
    ended: &WithholdingRequest,
    at: i64,
) -> Result<(), StoreError> {
    if requests::release(tx, ended.seq).await? == 0 {
        return Ok(());
    }
    let details = keys.vault.data_key(&key_context(&ended.id), &ended.data_key).map_err(StoreError::from);
    let details = details.and_then(|key| Details::open(&key, &ended.id, &ended.sealed_details));
    let (subject, withheld) = match details {
        Ok(Details { subject, withheld: Some(withheld), .. }) => (subject, withheld),
        Ok(_) => return Ok(()),
        Err(error) => {
            tracing::error!(request = ended.id, %error, "withheld event cannot be read");
            return Ok(());
        }
    };
    let (tenant, connection, person) = (&*ended.tenant, &*ended.connection, ended.person);
    let names = &*SubjectNames::at(tx, keys, connection, &subject).await?.identifying;
    let about = PersonContext { tenant, connection, person, subject: &subject, names, at };
    accept_opt_outs(tx, keys, &about, withheld).await
}

/// Handles an event if the vendor still has the person: the event is believed, and an operator must investigate.
pub(crate) async fn accept_event(
    tx: &mut Tx,
    keys: &Keys,
    about: &PersonContext<'_>,
    withheld: &WithheldEvent,
) -> Result<(), StoreError> {
    still_there::alarm(tx, about).await?;
    process_event(tx, keys, about, withheld).await
}

async fn process_event(
    tx: &mut Tx,
    keys: &Keys,
    about: &PersonContext<'_>,
    withheld: &WithheldEvent,
) -> Result<(), StoreError> {
    let ground = items::ground(tx, about.tenant, about.connection).await?;
    let about = &PersonContext { at: withheld.received_at, ..*about };
    let heard = VendorEvent { preferences: &withheld.preferences, changed: &[], key: &withheld.key };
    vendor_event::process_person_event(tx, keys, about, &ground, heard).await
}

/// Handles an event if the vendor does not have the person: only the fact that an event arrived is kept.
pub(crate) async fn drop_event(
    tx: &mut Tx,
    keys: &Keys,
    about: &PersonContext<'_>,
    withheld: &WithheldEvent,
) -> Result<(), StoreError> {
    deliveries::forget(tx, about.person).await?;
    events::forget(tx, about.connection, keys.person.digest(withheld.key.as_bytes())).await?;
    let record = Record {
        connection: Some(about.connection.to_owned()),
        detail: json!({ "delivery": withheld.delivery, "why": "the person was erased here" }),
        ..Record::of("consent-event-dropped")
    };
    audit::append(tx, &keys.vault, about.tenant, about.at, &record).await
}
