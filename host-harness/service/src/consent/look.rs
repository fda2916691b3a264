//! Having the vendor asked what it holds for a person.

use host_model::requests::Action;
use host_store::{Connection, Keys, StoreError, details::Details, requests};

use crate::requests::{
    about::About,
    handler::Prepared,
    put::{is_carried_out, new_id, put_own},
};

/// Has the vendor asked what it holds for the person, unless that waits already or the connection reads nothing.
pub(super) async fn look(tx: &mut Connection, keys: &Keys, about: &About<'_>) -> Result<(), StoreError> {
    match reading(tx, about).await? {
        Some(prepared) => put_own(tx, keys, about, (&new_id(), Action::Reading), prepared).await,
        None => Ok(()),
    }
}

/// The reading that [`look`] asks for.
pub(super) async fn reading(tx: &mut Connection, about: &About<'_>) -> Result<Option<Prepared>, StoreError> {
    let is_needed = !requests::is_waiting_to_read(tx, about.person).await?
        && is_carried_out(tx, about.connection, Action::Reading).await?;
    Ok(is_needed.then(|| Prepared::with(Details::about(about.subject))))
}
