//! The alarm about a plugin that was pulled as a version that lacks another person's approval.
//! Tested in `api/src/tests/pulled_approvals.rs`.

use host_store::{
    StoreError, Tx,
    alarms::{self, Alarm},
};

const AWAITS_APPROVAL: &str = "plugin-awaits-approval";

/// Raises the alarm in place of an earlier one: `lacking` says what has to be approved.
pub(super) async fn raise(tx: &mut Tx, at: i64, plugin: &str, lacking: &str) -> Result<(), StoreError> {
    is_over(tx, at, plugin).await?;
    alarms::raise(tx, at, &Alarm::of_service(AWAITS_APPROVAL, plugin, lacking)).await
}

/// Ends the alarm, since a version serves that was approved or needs no approval, or another one was pulled.
pub(super) async fn is_over(tx: &mut Tx, at: i64, plugin: &str) -> Result<(), StoreError> {
    alarms::is_over(tx, at, AWAITS_APPROVAL, plugin).await
}
