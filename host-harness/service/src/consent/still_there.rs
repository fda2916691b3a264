//! Alarms about people who were erased here and whom the vendor may still have.
//! Tested in `src/consent/tests/shared.rs`.

use host_store::{
    StoreError, Tx,
    alarms::{self, Alarm},
};

use crate::requests::person_context::PersonContext;

/// The vendor has a person whose erasure it accepted.
const STILL_THERE: &str = "erased-person-still-there";

/// It cannot be determined whether the vendor still has the person.
const NOT_CHECKED: &str = "erased-person-not-checked";

/// Raises the alarm that the vendor still has the person, one for each person.
pub(super) async fn alarm(tx: &mut Tx, about: &PersonContext<'_>) -> Result<(), StoreError> {
    let detail = "the vendor has a person whose erasure it accepted: the erasure did not last, or the person came \
                  back; check at the vendor, and send the erasure again if it is still required";
    raise(tx, about, STILL_THERE, detail).await
}

/// Raises the alarm that the vendor does not answer whether it still has the person, and that an opt-out of the person
/// is kept.
pub(super) async fn alarm_not_checked(tx: &mut Tx, about: &PersonContext<'_>) -> Result<(), StoreError> {
    let detail = "a person whose erasure the vendor accepted has opted out there, and the vendor does not answer \
                  whether it still has the person; the opt-out is kept: check at the vendor";
    raise(tx, about, NOT_CHECKED, detail).await
}

async fn raise(
    tx: &mut Tx,
    about: &PersonContext<'_>,
    kind: &'static str,
    detail: &str,
) -> Result<(), StoreError> {
    let person = format!("{} person {}", about.connection, about.person);
    let (tenant, connection) = (about.tenant, Some(about.connection));
    alarms::raise(tx, about.at, &Alarm { tenant, connection, kind, about: &person, detail }).await
}
