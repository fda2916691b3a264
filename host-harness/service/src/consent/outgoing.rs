//! What the platform requests: planned and recorded when accepted, applied later.
//! Tested in `src/consent/tests/outgoing.rs`.

use std::collections::BTreeSet;

use super::{append, still_there};
use crate::requests::{handler::PreparedRequest, person_context::PersonContext};
use host_model::{
    consent::{
        Cause, Notice, NoticePreference,
        echo::{Write, second},
        newest::{Novelty, Origin, RecordedChoice, RecordedChoices, choose},
        outbound::{Plan, PlatformRequest},
        submitted::SubmittedChoices,
    },
    contract::{
        ConnectorError,
        consent::{Change, Choice, ItemId, Preference, Report, Standing},
    },
    requests::outcome::Outcome,
};
use host_store::{
    Keys, PersonName, StoreError, Tx, choices,
    details::Details,
    items, notices,
    people::{self, Absence},
    person::PersonId,
};
use serde_json::json;

/// Prepares a request for `requested`. Its choices count from now on, so that an older choice that arrives while the
/// request is waiting loses.
pub(crate) async fn prepare(
    tx: &mut Tx,
    keys: &Keys,
    about: &PersonContext<'_>,
    requested: &PlatformRequest,
    request: &str,
) -> Result<PreparedRequest, StoreError> {
    let plan = plan(tx, keys, about, requested, request).await?;
    let outcome = Some(json!(Outcome::Report(plan.report())));
    let details = Details { subject: about.subject.clone(), plan, withheld: None };
    Ok(PreparedRequest { outcome, ..PreparedRequest::with(details) })
}

/// Returns the notices of `submitted` that the tenant does not have.
pub(crate) async fn unknown_notices(
    tx: &mut Tx,
    about: &PersonContext<'_>,
    submitted: &SubmittedChoices,
) -> Result<Vec<String>, StoreError> {
    if submitted.notices.is_empty() {
        return Ok(Vec::new());
    }
    let known = notices::all(tx, about.tenant).await?;
    let named = submitted.notices.iter().map(|choice| &choice.notice);
    let unknown: BTreeSet<&String> = named.filter(|notice| Notice::find(&known, notice).is_none()).collect();
    Ok(unknown.into_iter().cloned().collect())
}

async fn plan(
    tx: &mut Tx,
    keys: &Keys,
    about: &PersonContext<'_>,
    requested: &PlatformRequest,
    request: &str,
) -> Result<Plan, StoreError> {
    let ground = items::ground(tx, about.tenant, about.connection).await?;
    let ledger = choices::ledger(tx, about.person).await?;
    let asked = Plan::of(requested, ground.terms(), &RecordedChoices::default()).preferences();
    let plan = Plan::of(requested, ground.terms(), &ledger);
    if people::is_erased(tx, about.connection, about.names).await? {
        return Ok(plan);
    }
    let chosen = plan.preferences();
    record(tx, about.person, &ledger, &chosen).await?;
    for wanted in &requested.notices {
        hold(tx, about.person, &ground.notices, wanted).await?;
    }
    let cause = Cause::of_event(about.connection, &format!("request/{request}"));
    let mut heard: Vec<ItemId> = chosen.into_iter().map(|chosen| chosen.item).collect();
    for asked in &asked {
        if let Some(stands) = overruling(asked, &ledger) {
            append::item(tx, keys, about, &ground, &asked.item, stands, &cause).await?;
            heard.push(asked.item.clone());
        }
    }
    append::derived(tx, keys, about, &ground, &heard, &cause).await?;
    Ok(plan)
}

/// Returns the recorded choice if it differs from `asked` and stands. The platform may not know of it: a choice at the vendor
/// that confirms the platform's own is not announced, and counts from its later date.
fn overruling<'a>(asked: &Preference, ledger: &'a RecordedChoices) -> Option<&'a RecordedChoice> {
    // A copied choice may be another person's.
    let is_own = |stands: &&RecordedChoice| stands.origin != Origin::Merged;
    let stands = ledger.get(&asked.item).filter(is_own)?;
    let is_older = choose(Some(stands), asked).news == Novelty::Old;
    (is_older && stands.choice != asked.choice).then_some(stands)
}

/// Records what is `chosen` over what `ledger` holds of the person.
async fn record(
    tx: &mut Tx,
    person: PersonId,
    ledger: &RecordedChoices,
    chosen: &[Preference],
) -> Result<(), StoreError> {
    for chosen in chosen {
        let judged = choose(ledger.get(&chosen.item), chosen);
        choices::record_choice(tx, person, &chosen.item, &judged.stands).await?;
    }
    Ok(())
}

/// Records that the platform knows the preference it sent, unless it has been notified of a newer one.
async fn hold(
    tx: &mut Tx,
    person: PersonId,
    notices: &[Notice],
    wanted: &NoticePreference,
) -> Result<(), StoreError> {
    let (Some(notice), Some(choice)) = (Notice::find(notices, &wanted.notice), wanted.preference.choice())
    else {
        return Ok(());
    };
    let told = choices::at_platform(tx, person, &notice.id).await?;
    let rank = |choice: Choice, at: u64| (second(at), choice == Choice::OptOut);
    if told.is_some_and(|(told, at)| rank(told, at) > rank(choice, wanted.chosen_at_ms)) {
        return Ok(());
    }
    choices::record_at_platform(tx, person, &notice.id, choice, wanted.chosen_at_ms).await
}

/// The start of an attempt.
pub(crate) enum AttemptStart {
    /// The vendor may no longer have the person, so it is asked first.
    Asking(Plan, Absence),
    /// The part of the plan that is not superseded. Its writes are recorded: from now on the vendor may report them.
    Sending(Plan),
}

/// Begins an attempt at `connection`, at time `at`, to apply `plan` to `person`, identified in the request by `names`.
pub(crate) async fn begin(
    tx: &mut Tx,
    connection: &str,
    person: PersonId,
    names: &[PersonName],
    plan: Plan,
    at: i64,
) -> Result<AttemptStart, StoreError> {
    let ledger = choices::ledger(tx, person).await?;
    let plan = plan.against(&ledger);
    let is_opt_in = |chosen: &Preference| chosen.choice == Choice::OptIn;
    match people::absence(tx, connection, names).await? {
        Some(Absence::Erased) => Ok(AttemptStart::Asking(plan, Absence::Erased)),
        // A person who opts in again wants to be there.
        Some(Absence::NotFound) if !plan.preferences().iter().any(is_opt_in) => {
            Ok(AttemptStart::Asking(plan, Absence::NotFound))
        }
        _ => send(tx, person, &ledger, plan, at).await.map(AttemptStart::Sending),
    }
}

/// Returns the part of `plan` to send to `person` at `at`: choices superseded by a newer one in `ledger` are dropped.
async fn send(
    tx: &mut Tx,
    person: PersonId,
    ledger: &RecordedChoices,
    plan: Plan,
    at: i64,
) -> Result<Plan, StoreError> {
    let plan = plan.against(ledger);
    let chosen = plan.preferences();
    // Recorded again, because an erasure that did not find the person may have removed the choices in the meantime.
    record(tx, person, ledger, &chosen).await?;
    for Preference { item, choice, .. } in &chosen {
        let write = Write { choice: *choice, sent_at_ms: u64::try_from(at).unwrap_or(0) };
        choices::record_write(tx, person, item, write).await?;
    }
    Ok(plan)
}

/// Begins an attempt for a person whom the vendor still has: opt-outs are sent, and opt-ins only if the vendor took no
/// erasure. If it took one, an alarm is raised.
pub(crate) async fn begin_for_known(
    tx: &mut Tx,
    about: &PersonContext<'_>,
    plan: Plan,
    gone: Absence,
) -> Result<Plan, StoreError> {
    let plan = match gone {
        Absence::NotFound => {
            people::found_again(tx, about.person).await?;
            plan
        }
        Absence::Erased => {
            still_there::alarm(tx, about).await?;
            plan.without_opt_ins()
        }
    };
    let ledger = choices::ledger(tx, about.person).await?;
    send(tx, about.person, &ledger, plan, about.at).await
}

/// Concludes `plan` if the vendor does not have the person.
pub(crate) fn conclude_unknown(plan: Plan, gone: Absence) -> Plan {
    match gone {
        Absence::NotFound => plan.settle_unknown_person(),
        Absence::Erased => plan.conclude(Ok(&Report {
            items: Vec::new(),
            standing: Standing::Forgotten,
            settles_after_ms: None,
        })),
    }
}

/// Returns the items of an attempt that the vendor has certainly not taken.
pub(crate) fn not_accepted(
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
