//! Alarms about people who were erased here and may still be at the vendor.

use host_store::{
    Connection, StoreError,
    alarms::{self, Alarm},
};

use crate::requests::about::About;

/// The vendor has a person whose erasure it took.
const STILL_THERE: &str = "erased-person-still-there";

/// Whether it has cannot be found out.
const NOT_CHECKED: &str = "erased-person-not-checked";

/// The vendor has the person, one alarm for each.
pub(super) async fn alarm(tx: &mut Connection, about: &About<'_>) -> Result<(), StoreError> {
    let detail = "the vendor has a person whose erasure it took: the erasure did not last, or the person came back; look \
                  there, and send the erasure again if it is still meant";
    raise(tx, about, STILL_THERE, detail).await
}

/// The vendor does not say whether it still has the person, and an opt-out of theirs is kept.
pub(super) async fn alarm_not_checked(tx: &mut Connection, about: &About<'_>) -> Result<(), StoreError> {
    let detail = "a person whose erasure the vendor took opted out there, and the vendor does not say whether it still has \
                  the person; the opt-out is kept: look there";
    raise(tx, about, NOT_CHECKED, detail).await
}

async fn raise(
    tx: &mut Connection,
    about: &About<'_>,
    kind: &'static str,
    detail: &str,
) -> Result<(), StoreError> {
    let person = format!("{} person {}", about.connection, about.person);
    let (tenant, connection) = (about.tenant, Some(about.connection));
    alarms::raise(tx, about.at, &Alarm { tenant, connection, kind, about: &person, detail }).await
}
