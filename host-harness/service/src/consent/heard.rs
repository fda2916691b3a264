//! Choices that a person made at the vendor, compared with what stands here.

use super::{look::look, outgoing, tell};
use crate::requests::{about::About, put};
use host_model::{
    consent::{
        Cause,
        echo::is_echo,
        newest::{Judged, News, Recorded, by_then, hear},
        outbound::Requested,
        put_back::{LAG_MS, put_back},
    },
    contract::{
        consent::{ItemId, Preference},
        webhook::ConsentEvent,
    },
    requests::Action,
};
use host_store::{Connection, Keys, StoreError, choices, items::Ground, people, person::PersonId, requests};

/// What an event says, but for who it is about.
#[derive(Clone, Copy)]
pub(super) struct Heard<'a> {
    pub(super) preferences: &'a [Preference],
    pub(super) changed: &'a [ItemId],
    pub(super) key: &'a str,
}

impl<'a> Heard<'a> {
    pub(super) fn of(event: &'a ConsentEvent) -> Self {
        Self { preferences: &event.preferences, changed: &event.changed, key: &event.key }
    }
}

/// Takes in what the vendor says about one person.
pub(super) async fn take_heard(
    tx: &mut Connection,
    keys: &Keys,
    about: &About<'_>,
    ground: &Ground,
    heard: Heard<'_>,
) -> Result<(), StoreError> {
    let cause = Cause::of_event(about.connection, heard.key);
    let mut news = Vec::new();
    for chosen in heard.preferences {
        if take_choice(tx, keys, about, (ground, &cause), chosen).await? == News::Changed {
            news.push(chosen.item.clone());
        }
    }
    let missing = tell::derived(tx, keys, about, ground, &news, &cause).await?;
    let is_due = !missing.is_empty()
        || concern(ground, heard.changed)
        || people::is_to_be_read(tx, about.person).await?;
    if is_due { look(tx, keys, about).await } else { Ok(()) }
}

/// Whether one of `changed` stands for a notice.
pub(super) fn concern(ground: &Ground, changed: &[ItemId]) -> bool {
    changed.iter().any(|item| ground.notice_of(item).is_some())
}

/// Takes in one choice, tells of it where it is news, and has what stands written again where the vendor may hold another.
async fn take_choice(
    tx: &mut Connection,
    keys: &Keys,
    about: &About<'_>,
    (ground, cause): (&Ground, &Cause),
    chosen: &Preference,
) -> Result<News, StoreError> {
    let chosen_at_ms = by_then(chosen.chosen_at_ms, about.at);
    let chosen = &Preference { chosen_at_ms, ..chosen.clone() };
    let stands = choices::ledger(tx, about.person).await?.remove(&chosen.item);
    let writes = choices::writes(tx, about.person, &chosen.item).await?;
    let sent = choices::sent_to(tx, about.person).await?;
    let judged = put_back(stands.as_ref(), chosen, &writes, &sent)
        .unwrap_or_else(|| hear(stands.as_ref(), chosen, &writes));
    choices::stand(tx, about.person, &chosen.item, &judged.stands).await?;
    if judged.news == News::Changed {
        tell::item(tx, keys, about, ground, (&chosen.item, &judged.stands), cause).await?;
    }
    let was_unseen = !is_echo(chosen, &writes) && await_showing(tx, about.person, chosen).await?;
    if judged.restore || was_unseen {
        restore(tx, keys, about, &chosen.item, &judged).await?;
    }
    Ok(judged.news)
}

/// What is written from now on waits until the vendor shows the event's choice: before, it would be found as it was and
/// left so. Whether a write of ours may have done that already, or gone over the choice.
async fn await_showing(
    tx: &mut Connection,
    person: PersonId,
    chosen: &Preference,
) -> Result<bool, StoreError> {
    let date = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
    let (at, shown_at) = (date(chosen.chosen_at_ms), date(chosen.chosen_at_ms.saturating_add(LAG_MS)));
    people::settles_at(tx, person, shown_at).await?;
    choices::is_written_between(tx, person, at, shown_at).await
}

/// What a request restores that has what stands for `item` written again.
pub(super) fn restoring(item: &ItemId, stands: &Recorded) -> String {
    format!("{item} {} {}", stands.choice, stands.chosen_at_ms)
}

/// Has what stands written again, unless that waits already.
async fn restore(
    tx: &mut Connection,
    keys: &Keys,
    about: &About<'_>,
    item: &ItemId,
    judged: &Judged,
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
    let (requested, id) = (Requested { notices: Vec::new(), items: vec![again] }, put::new_id());
    let prepared = outgoing::prepare(tx, keys, about, &requested, &id).await?;
    put::put_own(tx, keys, about, (&id, Action::Consent), prepared).await?;
    requests::restores(tx, &id, &what).await
}
