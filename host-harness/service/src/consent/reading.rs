//! What the vendor holds for a person: for items never heard of, and for choices that no webhook told.

use super::{heard::restoring, still_there, tell};
use crate::requests::about::About;
use host_model::{
    consent::{
        Cause,
        newest::{News, read},
    },
    contract::consent::{Choice, Held, ItemId},
    requests::outcome::Reading,
};
use host_store::{Connection, Keys, StoreError, choices, items, people, requests};

/// Takes in what the vendor held when it was asked, at `about.at`. Items that nobody has mapped and nobody has chosen about
/// are passed over.
pub(crate) async fn take(
    tx: &mut Connection,
    keys: &Keys,
    about: &About<'_>,
    held: &[Held],
    request: &str,
) -> Result<Reading, StoreError> {
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
    // Nobody who was erased here is opted in again by what is found.
    let held = held.iter().filter(|held| !is_erased || held.choice == Choice::OptOut);
    for Held { item, choice } in held {
        let stands = ledger.get(item);
        if stands.is_none() && ground.notice_of(item).is_none() {
            continue;
        }
        if let Some(stands) = stands
            && requests::is_waiting_to_restore(tx, about.person, &restoring(item, stands)).await?
        {
            // The vendor is known to hold the other choice, and is about to be told.
            continue;
        }
        let writes = choices::writes(tx, about.person, item).await?;
        let judged = read(stands, *choice, u64::try_from(about.at).unwrap_or(0), &writes);
        choices::stand(tx, about.person, item, &judged.stands).await?;
        heard.push(item.clone());
        if judged.news == News::Changed {
            changed += 1;
            tell::item(tx, keys, about, &ground, (item, &judged.stands), &cause).await?;
        }
    }
    tell::derived(tx, keys, about, &ground, &heard, &cause).await?;
    Ok(Reading::Found { compared: heard.len(), changed })
}
