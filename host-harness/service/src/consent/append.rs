//! Notifies the platform of what it does not know yet.
//! Tested in `src/consent/tests`.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::feed::{EventContent, FeedChoice, FeedItem};
use crate::requests::person_context::PersonContext;
use host_model::{
    consent::{
        Cause, NoticeAnswer,
        derive::{DerivedPreference, derive},
        newest::RecordedChoice,
    },
    contract::consent::{Choice, ItemId},
};
use host_store::{
    Keys, StoreError, Tx, choices,
    events::{self, NewEvent},
    items::MappingContext,
};

/// Adds the event that `stands` is the person's choice for `item`.
pub(super) async fn item(
    tx: &mut Tx,
    keys: &Keys,
    about: &PersonContext<'_>,
    ground: &MappingContext,
    item: &ItemId,
    stands: &RecordedChoice,
    cause: &Cause,
) -> Result<(), StoreError> {
    let name = ground.mapping.iter().find(|known| known.id == *item).map(|known| known.name.clone());
    let item =
        FeedItem { kind: item.kind.clone(), external_id: item.id.clone(), name: name.unwrap_or_default() };
    let news = EventContent {
        chosen: FeedChoice::Item { item, preference: stands.choice.into() },
        event_at: stands.chosen_at_ms,
        received_at: about.at,
        source: stands.source.clone(),
        cause: cause.clone(),
    };
    append(tx, keys, about, &news).await
}

/// Adds an event for each notice of the items in `heard` whose derived preference differs from what the platform
/// knows. Returns the items whose choice must be known before more can be derived.
pub(super) async fn derived(
    tx: &mut Tx,
    keys: &Keys,
    about: &PersonContext<'_>,
    ground: &MappingContext,
    heard: &[ItemId],
    cause: &Cause,
) -> Result<Vec<ItemId>, StoreError> {
    let ledger = choices::ledger(tx, about.person).await?;
    let notices: BTreeSet<&str> = heard.iter().filter_map(|item| ground.notice_of(item)).collect();
    let mut wanted = Vec::new();
    for notice in notices {
        match derive(&ground.items_of(notice), &ledger) {
            DerivedPreference::Unknown { missing } => wanted.extend(missing),
            DerivedPreference::Preference { choice, chosen_at_ms, source } => {
                let told = choices::at_platform(tx, about.person, notice).await?;
                let Some(event_at) = event_time(choice, chosen_at_ms, told, about.at) else { continue };
                choices::record_at_platform(tx, about.person, notice, choice, event_at).await?;
                append(tx, keys, about, &of_notice(notice, choice, event_at, source, about, cause)).await?;
            }
        }
    }
    Ok(wanted)
}

/// Adds the event that the choice for `notice` is the one in `stands`.
pub(super) async fn notice(
    tx: &mut Tx,
    keys: &Keys,
    about: &PersonContext<'_>,
    notice: &str,
    stands: &RecordedChoice,
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
    about: &PersonContext<'_>,
    cause: &Cause,
) -> EventContent {
    let notice_id_map = BTreeMap::from([(notice.to_owned(), NoticeAnswer::from(choice))]);
    let chosen = FeedChoice::Notice { notice_id_map };
    EventContent { chosen, event_at, received_at: about.at, source, cause: cause.clone() }
}

/// Returns the time of the choice, or `None` if the platform is not notified of it. A choice that was not made by a
/// known act is reported only if it withdraws an opt-in that the platform knows: then it is dated now.
fn event_time(choice: Choice, chosen_at_ms: u64, told: Option<(Choice, u64)>, now: i64) -> Option<u64> {
    // At 0, the platform has it for this person or for another one who shared the record.
    if told.is_some_and(|(told, at)| told == choice && at > 0) {
        return None;
    }
    match (chosen_at_ms, choice, told.map(|(told, _)| told)) {
        (0, Choice::OptOut, Some(Choice::OptIn)) => u64::try_from(now).ok(),
        (0, ..) => None,
        (at, ..) => Some(at),
    }
}

async fn append(
    tx: &mut Tx,
    keys: &Keys,
    about: &PersonContext<'_>,
    news: &EventContent,
) -> Result<(), StoreError> {
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
