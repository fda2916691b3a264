//! Compares what the vendor has stored for a person with the choices recorded here, to learn about new items and to
//! pick up choices whose webhook was lost.
//! Tested in `src/consent/tests`.

use super::{append, still_there, vendor_event::restoring};
use crate::requests::person_context::PersonContext;
use host_model::{
    consent::{
        Cause,
        newest::{Novelty, read},
    },
    contract::consent::{Choice, ItemId, VendorChoice},
    requests::outcome::ReadOutcome,
};
use host_store::{Keys, StoreError, Tx, choices, items, people, requests};

/// Processes what the vendor had stored when it was read, at `about.at`. Items that are not mapped and have no
/// recorded choice are ignored.
pub(crate) async fn process_reading(
    tx: &mut Tx,
    keys: &Keys,
    about: &PersonContext<'_>,
    held: &[VendorChoice],
    request: &str,
) -> Result<ReadOutcome, StoreError> {
    let is_erased = people::is_erased(tx, about.connection, about.names).await?;
    if is_erased {
        still_there::alarm(tx, about).await?;
    }
    people::was_read(tx, about.person).await?;
    let ground = items::ground(tx, about.tenant, about.connection).await?;
    let ledger = choices::ledger(tx, about.person).await?;
    let cause = Cause::of_event(about.connection, &format!("reading/{request}"));
    let mut heard: Vec<ItemId> = Vec::new();
    let mut changed = 0;
    // A reading never opts in a person who was erased here.
    let held = held.iter().filter(|held| !is_erased || held.choice == Choice::OptOut);
    for VendorChoice { item, choice } in held {
        let stands = ledger.get(item);
        if stands.is_none() && ground.notice_of(item).is_none() {
            continue;
        }
        if let Some(stands) = stands
            && requests::is_waiting_to_restore(tx, about.person, &restoring(item, stands)).await?
        {
            // The vendor is known to have the other choice, and is about to receive this one.
            continue;
        }
        let writes = choices::writes(tx, about.person, item).await?;
        let judged = read(stands, *choice, u64::try_from(about.at).unwrap_or(0), &writes);
        choices::record_choice(tx, about.person, item, &judged.stands).await?;
        heard.push(item.clone());
        if judged.news == Novelty::Changed {
            changed += 1;
            append::item(tx, keys, about, &ground, item, &judged.stands, &cause).await?;
        }
    }
    append::derived(tx, keys, about, &ground, &heard, &cause).await?;
    Ok(ReadOutcome::Found { compared: heard.len(), changed })
}
