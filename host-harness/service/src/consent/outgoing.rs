//! What the platform asks: planned and recorded when it is accepted, applied later.

use super::{still_there, tell};
use crate::requests::{about::About, handler::Prepared};
use host_model::{
    consent::{
        Cause, Notice, NoticePreference,
        echo::{Write, second},
        newest::choose,
        outbound::{Plan, Requested},
    },
    contract::{
        ConnectorError,
        consent::{Change, Choice, ItemId, Preference, Report, Standing},
    },
    requests::outcome::Outcome,
};
use host_store::{
    Connection, Keys, PersonName, StoreError, choices,
    details::Details,
    items,
    people::{self, Gone},
    person::PersonId,
};
use serde_json::json;

/// What a request for `requested` is stored with. Its choices stand from now on, so that an older one that arrives while it waits
/// loses.
pub(crate) async fn prepare(
    tx: &mut Connection,
    keys: &Keys,
    about: &About<'_>,
    requested: &Requested,
    request: &str,
) -> Result<Prepared, StoreError> {
    let plan = plan(tx, keys, about, requested, request).await?;
    let outcome = Some(json!(Outcome::Report(plan.report())));
    let details = Details { subject: about.subject.clone(), plan, withheld: None };
    Ok(Prepared { outcome, ..Prepared::with(details) })
}

async fn plan(
    tx: &mut Connection,
    keys: &Keys,
    about: &About<'_>,
    requested: &Requested,
    request: &str,
) -> Result<Plan, StoreError> {
    let requested = requested.clone().by_then(about.at);
    let ground = items::ground(tx, about.tenant, about.connection).await?;
    let ledger = choices::ledger(tx, about.person).await?;
    let plan = Plan::of(&requested, ground.terms(), &ledger);
    if people::is_erased(tx, about.connection, about.names).await? {
        return Ok(plan);
    }
    let chosen = plan.preferences();
    record(tx, about.person, &chosen).await?;
    for wanted in &requested.notices {
        hold(tx, about.person, &ground.notices, wanted).await?;
    }
    let heard: Vec<ItemId> = chosen.into_iter().map(|chosen| chosen.item).collect();
    let cause = Cause::of_event(about.connection, &format!("request/{request}"));
    tell::derived(tx, keys, about, &ground, &heard, &cause).await?;
    Ok(plan)
}

async fn record(tx: &mut Connection, person: PersonId, chosen: &[Preference]) -> Result<(), StoreError> {
    let ledger = choices::ledger(tx, person).await?;
    for chosen in chosen {
        let judged = choose(ledger.get(&chosen.item), chosen);
        choices::stand(tx, person, &chosen.item, &judged.stands).await?;
    }
    Ok(())
}

/// The platform holds what it asks for, unless something newer was told since.
async fn hold(
    tx: &mut Connection,
    person: PersonId,
    notices: &[Notice],
    wanted: &NoticePreference,
) -> Result<(), StoreError> {
    let (Some(notice), Some(choice)) = (Notice::find(notices, &wanted.notice), wanted.preference.choice())
    else {
        return Ok(());
    };
    let told = choices::told(tx, person, &notice.id).await?;
    let rank = |choice: Choice, at: u64| (second(at), choice == Choice::OptOut);
    if told.is_some_and(|(told, at)| rank(told, at) > rank(choice, wanted.chosen_at_ms)) {
        return Ok(());
    }
    choices::tell(tx, person, &notice.id, choice, wanted.chosen_at_ms).await
}

/// How an attempt begins.
pub(crate) enum Begun {
    /// The vendor may no longer have the person: it is asked first.
    Asking(Plan, Gone),
    /// What is not superseded. Its writes are remembered: from now on the vendor may tell of them.
    Sending(Plan),
}

/// Begins an attempt at `connection` to apply `plan` at `at` to `person`, whom the request calls by `names`.
pub(crate) async fn begin(
    tx: &mut Connection,
    connection: &str,
    (person, names): (PersonId, &[PersonName]),
    plan: Plan,
    at: i64,
) -> Result<Begun, StoreError> {
    let plan = plan.against(&choices::ledger(tx, person).await?);
    let is_opt_in = |chosen: &Preference| chosen.choice == Choice::OptIn;
    match people::gone(tx, connection, names).await? {
        Some(Gone::Erased) => Ok(Begun::Asking(plan, Gone::Erased)),
        // A person who opts in again wants to be there.
        Some(Gone::NotFound) if !plan.preferences().iter().any(is_opt_in) => {
            Ok(Begun::Asking(plan, Gone::NotFound))
        }
        _ => send(tx, person, plan, at).await.map(Begun::Sending),
    }
}

/// What of `plan` is sent to `person` at `at`: what a newer choice superseded is dropped from it.
async fn send(tx: &mut Connection, person: PersonId, plan: Plan, at: i64) -> Result<Plan, StoreError> {
    let plan = plan.against(&choices::ledger(tx, person).await?);
    let chosen = plan.preferences();
    // Again: an erasure that found nobody may have taken them away since.
    record(tx, person, &chosen).await?;
    for Preference { item, choice, .. } in &chosen {
        let write = Write { choice: *choice, sent_at_ms: u64::try_from(at).unwrap_or(0) };
        choices::sends(tx, person, item, write).await?;
    }
    Ok(plan)
}

/// The vendor has the person all the same: opt-outs are sent, and opt-ins only if no erasure was taken. One that was is alarmed
/// about.
pub(crate) async fn begin_found(
    tx: &mut Connection,
    about: &About<'_>,
    plan: Plan,
    gone: Gone,
) -> Result<Plan, StoreError> {
    let plan = match gone {
        Gone::NotFound => {
            people::found_again(tx, about.person).await?;
            plan
        }
        Gone::Erased => {
            still_there::alarm(tx, about).await?;
            plan.without_opt_ins()
        }
    };
    send(tx, about.person, plan, about.at).await
}

/// What becomes of `plan` if the vendor has nobody.
pub(crate) fn of_nobody(plan: Plan, gone: Gone) -> Plan {
    match gone {
        Gone::NotFound => plan.of_nobody(),
        Gone::Erased => plan.conclude(Ok(&Report {
            items: Vec::new(),
            standing: Standing::Forgotten,
            settles_after_ms: None,
        })),
    }
}

/// The items of an attempt that the vendor has certainly not taken.
pub(crate) fn untaken(
    chosen: &[Preference],
    answer: Result<&Report, Option<&ConnectorError>>,
) -> Vec<ItemId> {
    let all = || chosen.iter().map(|chosen| chosen.item.clone()).collect();
    match answer {
        Ok(report) if report.standing == Standing::Forgotten => all(),
        Ok(report) => {
            let refused = report.items.iter().filter(|item| item.change == Change::Refused);
            refused.map(|item| item.item.clone()).collect()
        }
        Err(Some(error)) if !error.may_have_acted => all(),
        Err(_) => Vec::new(),
    }
}
