//! Events about people who were erased here: the vendor is asked whether it still has them, before anything is believed.

use serde_json::json;

use super::{
    heard::{self, Heard},
    still_there,
};
use crate::requests::{about::About, handler::Prepared, put};
use host_model::{contract::consent::Choice, requests::Action};
use host_store::{
    Connection, Keys, Named, Store, StoreError,
    audit::{self, Record},
    deliveries,
    details::{Details, Withheld, key_context},
    events, items,
    requests::{self, Withholding},
};

/// Keeps an event back until the vendor has said whether it still has the person. If it cannot be asked, the opt-outs are
/// taken in.
pub(super) async fn withhold(
    tx: &mut Connection,
    keys: &Keys,
    about: &About<'_>,
    withheld: Withheld,
) -> Result<(), StoreError> {
    if !put::is_carried_out(tx, about.connection, Action::Reading).await? {
        return take_opt_outs(tx, keys, about, withheld).await;
    }
    let details = Details { withheld: Some(withheld), ..Details::about(about.subject) };
    let request = (&*put::new_id(), Action::Reading);
    put::put_own(tx, keys, about, request, Prepared::with(details)).await
}

/// Whether the vendor still has the person cannot be known: opt-outs are believed, opt-ins are not.
pub(crate) async fn take_opt_outs(
    tx: &mut Connection,
    keys: &Keys,
    about: &About<'_>,
    withheld: Withheld,
) -> Result<(), StoreError> {
    let preferences = withheld.preferences.into_iter().filter(|chosen| chosen.choice == Choice::OptOut);
    let opt_outs = Withheld { preferences: preferences.collect(), ..withheld };
    if opt_outs.preferences.is_empty() {
        return drop_event(tx, keys, about, &opt_outs).await;
    }
    still_there::alarm_not_checked(tx, about).await?;
    take_event(tx, keys, about, &opt_outs).await
}

/// Takes in what readings kept back that ended without an answer: expired, or set aside.
pub(crate) async fn take_unanswered(store: &Store, at: i64) -> Result<(), StoreError> {
    for ended in store.read(|c| Box::pin(requests::withholding(c))).await? {
        let keys = store.keys(&ended.tenant).await?;
        let taken = store.write(move |tx| Box::pin(async move { take_ended(tx, &keys, &ended, at).await }));
        taken.await?;
    }
    Ok(())
}

async fn take_ended(
    tx: &mut Connection,
    keys: &Keys,
    ended: &Withholding,
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
            tracing::error!(request = ended.id, %error, "an event that was kept back cannot be read");
            return Ok(());
        }
    };
    let (tenant, connection, person) = (&*ended.tenant, &*ended.connection, ended.person);
    let names = &*Named::at(tx, keys, connection, &subject).await?.identifying;
    let about = About { tenant, connection, person, subject: &subject, names, at };
    take_opt_outs(tx, keys, &about, withheld).await
}

/// The vendor has the person all the same: the event is believed, and an operator has to look.
pub(crate) async fn take(
    tx: &mut Connection,
    keys: &Keys,
    about: &About<'_>,
    withheld: &Withheld,
) -> Result<(), StoreError> {
    still_there::alarm(tx, about).await?;
    take_event(tx, keys, about, withheld).await
}

async fn take_event(
    tx: &mut Connection,
    keys: &Keys,
    about: &About<'_>,
    withheld: &Withheld,
) -> Result<(), StoreError> {
    let ground = items::ground(tx, about.tenant, about.connection).await?;
    let about = &About { at: withheld.received_at, ..*about };
    let heard = Heard { preferences: &withheld.preferences, changed: &[], key: &withheld.key };
    heard::take_heard(tx, keys, about, &ground, heard).await
}

/// The vendor does not have the person: nothing stays of the event but that it came.
pub(crate) async fn drop_event(
    tx: &mut Connection,
    keys: &Keys,
    about: &About<'_>,
    withheld: &Withheld,
) -> Result<(), StoreError> {
    deliveries::forget(tx, about.person).await?;
    events::forget(tx, about.connection, keys.person.digest(withheld.key.as_bytes())).await?;
    let record = Record {
        connection: Some(about.connection.to_owned()),
        detail: json!({ "delivery": withheld.delivery, "why": "the person was erased here" }),
        ..Record::of("consent-event-dropped")
    };
    audit::append(tx, about.tenant, about.at, &record).await
}
