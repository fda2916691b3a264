//! The alarm about rows of versions that were changed from outside.

use host_model::digest::Digest;
use host_store::{
    StoreError, Tx,
    alarms::{self, Alarm},
};

/// The alarm about a version whose row was changed from outside.
pub(super) const NOT_AUTHENTIC: &str = "plugin-version-not-authentic";

/// Raises the alarm about a row of the history that was changed from outside.
pub(super) async fn raise_not_authentic(
    tx: &mut Tx,
    plugin: &str,
    digest: Digest,
    at: i64,
    why: &str,
) -> Result<(), StoreError> {
    let about = format!("version {digest} of plugin {plugin}");
    let detail = format!("{why}; find out who can write the database");
    let alarm = Alarm::of_service(NOT_AUTHENTIC, &about, &detail);
    alarms::raise(tx, at, &alarm).await
}
