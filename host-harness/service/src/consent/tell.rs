//! Tells the platform what it does not know yet.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::feed::{Chosen, FeedItem, News};
use crate::requests::about::About;
use host_model::{
    consent::{
        Answer, Cause,
        derive::{Derived, derive},
        newest::Recorded,
    },
    contract::consent::{Choice, ItemId},
};
use host_store::{
    Connection, Keys, StoreError, choices,
    events::{self, NewEvent},
    items::Ground,
};

/// That `stands` is the person's choice for `item`.
pub(super) async fn item(
    tx: &mut Connection,
    keys: &Keys,
    about: &About<'_>,
    ground: &Ground,
    (item, stands): (&ItemId, &Recorded),
    cause: &Cause,
) -> Result<(), StoreError> {
    let name = ground.mapping.iter().find(|known| known.id == *item).map(|known| known.name.clone());
    let item =
        FeedItem { kind: item.kind.clone(), external_id: item.id.clone(), name: name.unwrap_or_default() };
    let news = News {
        chosen: Chosen::Item { item, preference: stands.choice.into() },
        event_at: stands.chosen_at_ms,
        received_at: about.at,
        source: stands.source.clone(),
        cause: cause.clone(),
    };
    append(tx, keys, about, &news).await
}

/// What the notices that `heard` stand for have come to, where the platform holds something else; the items that have to
/// be known before more can be said.
pub(super) async fn derived(
    tx: &mut Connection,
    keys: &Keys,
    about: &About<'_>,
    ground: &Ground,
    heard: &[ItemId],
    cause: &Cause,
) -> Result<Vec<ItemId>, StoreError> {
    let ledger = choices::ledger(tx, about.person).await?;
    let notices: BTreeSet<&str> = heard.iter().filter_map(|item| ground.notice_of(item)).collect();
    let mut wanted = Vec::new();
    for notice in notices {
        match derive(&ground.items_of(notice), &ledger) {
            Derived::Unknown { missing } => wanted.extend(missing),
            Derived::Preference { choice, chosen_at_ms, source } => {
                let told = choices::told(tx, about.person, notice).await?;
                let Some(event_at) = tellable(choice, chosen_at_ms, told, about.at) else { continue };
                choices::tell(tx, about.person, notice, choice, event_at).await?;
                append(tx, keys, about, &of_notice(notice, choice, event_at, source, about, cause)).await?;
            }
        }
    }
    Ok(wanted)
}

/// That the choice for `notice` is what `stands` says.
pub(super) async fn notice(
    tx: &mut Connection,
    keys: &Keys,
    about: &About<'_>,
    notice: &str,
    stands: &Recorded,
    cause: &Cause,
) -> Result<(), StoreError> {
    let news = of_notice(notice, stands.choice, stands.chosen_at_ms, stands.source.clone(), about, cause);
    append(tx, keys, about, &news).await
}

fn of_notice(
    notice: &str,
    choice: Choice,
    event_at: u64,
    source: String,
    about: &About<'_>,
    cause: &Cause,
) -> News {
    let notice_id_map = BTreeMap::from([(notice.to_owned(), Answer::from(choice))]);
    let chosen = Chosen::Notice { notice_id_map };
    News { chosen, event_at, received_at: about.at, source, cause: cause.clone() }
}

/// When the choice was made, if it is to be told. What nobody is known to have chosen is told only where it takes back an
/// opt-in that the platform holds: then it dates from now.
fn tellable(choice: Choice, chosen_at_ms: u64, told: Option<(Choice, u64)>, now: i64) -> Option<u64> {
    // At 0, the platform holds it for this person or for another one who shared the record.
    if told.is_some_and(|(told, at)| told == choice && at > 0) {
        return None;
    }
    match (chosen_at_ms, choice, told.map(|(told, _)| told)) {
        (0, Choice::OptOut, Some(Choice::OptIn)) => u64::try_from(now).ok(),
        (0, ..) => None,
        (at, ..) => Some(at),
    }
}

async fn append(tx: &mut Connection, keys: &Keys, about: &About<'_>, news: &News) -> Result<(), StoreError> {
    let unwritable = |error: serde_json::Error| StoreError::Unreadable(error.to_string());
    let id = Uuid::now_v7().to_string();
    let event = NewEvent {
        sealed_identity: events::sealed_identity(&keys.vault, &id, about.subject)?,
        id,
        tenant: about.tenant,
        connection: about.connection,
        person: about.person,
        news: serde_json::to_string(news).map_err(unwritable)?,
        received_at: about.at,
    };
    events::append(tx, event).await
}
