//! Choices that a person made at the vendor, compared with the choices recorded here.
//! Tested in `src/consent/tests`.

use super::{append, look::request_reading, outgoing};
use crate::requests::{person_context::PersonContext, put};
use host_model::{
    consent::{
        Cause,
        echo::is_echo,
        newest::{JudgedChoice, Novelty, RecordedChoice, clamp_time, hear},
        outbound::PlatformRequest,
        put_back::{LAG_MS, put_back},
    },
    contract::{
        consent::{ItemId, Preference},
        webhook::ConsentEvent,
    },
    requests::Action,
};
use host_store::{Keys, StoreError, Tx, choices, items::MappingContext, people, person::PersonId, requests};

/// The content of an event, without the person.
#[derive(Clone, Copy)]
pub(super) struct VendorEvent<'a> {
    pub(super) preferences: &'a [Preference],
    pub(super) changed: &'a [ItemId],
    pub(super) key: &'a str,
}

impl<'a> VendorEvent<'a> {
    pub(super) fn of(event: &'a ConsentEvent) -> Self {
        Self { preferences: &event.preferences, changed: &event.changed, key: &event.key }
    }
}

/// Processes what the vendor reports about one person.
pub(super) async fn process_person_event(
    tx: &mut Tx,
    keys: &Keys,
    about: &PersonContext<'_>,
    ground: &MappingContext,
    heard: VendorEvent<'_>,
) -> Result<(), StoreError> {
    let cause = Cause::of_event(about.connection, heard.key);
    let mut news = Vec::new();
    for chosen in heard.preferences {
        if process_choice(tx, keys, about, ground, &cause, chosen).await? == Novelty::Changed {
            news.push(chosen.item.clone());
        }
    }
    let missing = append::derived(tx, keys, about, ground, &news, &cause).await?;
    let is_due = !missing.is_empty()
        || concerns_notice(ground, heard.changed)
        || people::is_to_be_read(tx, about.person).await?;
    if is_due { request_reading(tx, keys, about).await } else { Ok(()) }
}

/// Returns whether one of `changed` stands for a notice.
pub(super) fn concerns_notice(ground: &MappingContext, changed: &[ItemId]) -> bool {
    changed.iter().any(|item| ground.notice_of(item).is_some())
}

/// Processes one choice: reports it to the platform if it is news, and rewrites the recorded choice if the vendor may
/// have a different one.
async fn process_choice(
    tx: &mut Tx,
    keys: &Keys,
    about: &PersonContext<'_>,
    ground: &MappingContext,
    cause: &Cause,
    chosen: &Preference,
) -> Result<Novelty, StoreError> {
    let chosen_at_ms = clamp_time(chosen.chosen_at_ms, about.at);
    let chosen = &Preference { chosen_at_ms, ..chosen.clone() };
    let stands = choices::ledger(tx, about.person).await?.remove(&chosen.item);
    let writes = choices::writes(tx, about.person, &chosen.item).await?;
    let sent = choices::sent_to(tx, about.person).await?;
    let judged = put_back(stands.as_ref(), chosen, &writes, &sent)
        .unwrap_or_else(|| hear(stands.as_ref(), chosen, &writes));
    choices::record_choice(tx, about.person, &chosen.item, &judged.stands).await?;
    if judged.news == Novelty::Changed {
        append::item(tx, keys, about, ground, &chosen.item, &judged.stands, cause).await?;
    }
    let was_unseen = if is_echo(chosen, &writes) {
        false
    } else {
        delay_writes(tx, about.person, chosen).await?;
        is_written_over(tx, about.person, chosen).await?
    };
    if judged.restore || was_unseen {
        restore(tx, keys, about, &chosen.item, &judged).await?;
    }
    Ok(judged.news)
}

/// Delays later writes until the vendor shows the event's choice: an earlier write would find the choice unchanged and
/// leave it so.
async fn delay_writes(tx: &mut Tx, person: PersonId, chosen: &Preference) -> Result<(), StoreError> {
    people::settles_at(tx, person, shown_at(chosen)).await
}

/// Returns whether a write of ours may have been carried out before the vendor showed the event's choice, so that it left
/// the choice unchanged or overwrote it.
async fn is_written_over(tx: &mut Tx, person: PersonId, chosen: &Preference) -> Result<bool, StoreError> {
    choices::is_written_between(tx, person, date(chosen.chosen_at_ms), shown_at(chosen)).await
}

fn shown_at(chosen: &Preference) -> i64 {
    date(chosen.chosen_at_ms.saturating_add(LAG_MS))
}

fn date(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

/// Returns the mark of a request that rewrites the recorded choice for `item`.
pub(super) fn restoring(item: &ItemId, stands: &RecordedChoice) -> String {
    format!("{item} {} {}", stands.choice, stands.chosen_at_ms)
}

/// Rewrites the recorded choice, unless a request for that is already waiting.
async fn restore(
    tx: &mut Tx,
    keys: &Keys,
    about: &PersonContext<'_>,
    item: &ItemId,
    judged: &JudgedChoice,
) -> Result<(), StoreError> {
    let stands = &judged.stands;
    let what = restoring(item, stands);
    if requests::is_waiting_to_restore(tx, about.person, &what).await? {
        return Ok(());
    }
    let again = Preference {
        item: item.clone(),
        choice: stands.choice,
        chosen_at_ms: stands.chosen_at_ms,
        source: stands.source.clone(),
    };
    if !put::is_carried_out(tx, about.connection, Action::Consent).await? {
        return Ok(());
    }
    let (requested, id) = (PlatformRequest { notices: Vec::new(), items: vec![again] }, put::new_id());
    let prepared = outgoing::prepare(tx, keys, about, &requested, &id).await?;
    put::put_internal(tx, keys, about, &id, Action::Consent, prepared).await?;
    requests::restores(tx, &id, &what).await
}
