//! Requests for reading a person at the vendor.

use host_model::requests::Action;
use host_store::{Keys, StoreError, Tx, details::Details, requests};

use crate::requests::{
    handler::PreparedRequest,
    person_context::PersonContext,
    put::{is_carried_out, new_id, put_internal},
};

/// Requests a reading of the person at the vendor, unless one is already waiting or the connection does not support
/// it.
pub(super) async fn request_reading(
    tx: &mut Tx,
    keys: &Keys,
    about: &PersonContext<'_>,
) -> Result<(), StoreError> {
    match reading(tx, about).await? {
        Some(prepared) => put_internal(tx, keys, about, &new_id(), Action::Reading, prepared).await,
        None => Ok(()),
    }
}

/// Returns the reading that [`request_reading`] requests, or `None` if none is needed.
pub(super) async fn reading(
    tx: &mut Tx,
    about: &PersonContext<'_>,
) -> Result<Option<PreparedRequest>, StoreError> {
    let is_needed = !requests::is_waiting_to_read(tx, about.person).await?
        && is_carried_out(tx, about.connection, Action::Reading).await?;
    Ok(is_needed.then(|| PreparedRequest::with(Details::about(about.subject))))
}
