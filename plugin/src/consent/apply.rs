//! Applies preferences. All other choices at Iterable stay as they are.
//! Tested in `src/consent/tests.rs`.

use super::{
    additive,
    catalogue::{Catalogue, Group, Target},
    choice::{Choice, Preference},
    replace,
    report::{Change, ItemReport, Report, Standing},
    step::{Fate, Step},
    subscriptions::{List, Slot, Subscriptions},
};
use crate::{
    erasure::table::SETTLING_MS,
    error::Error,
    http::Vendor,
    iterable::{client::Client, request, response::Meaning},
    settings::{Settings, SubscriptionsApi, subscriptions_api_is_off},
    subject::{self, Identifier, Person},
};

/// Applies preferences. A person unknown to Iterable is created first, a forgotten person is refused, and a choice that
/// Iterable already has is not written. Repeating it succeeds.
///
/// It may have to replace whole lists, and reads lag behind writes. The caller must therefore wait for
/// `settles_after_ms` before the next call for the same person: a call made sooner could undo this one.
pub fn apply(
    settings: &Settings,
    vendor: &mut dyn Vendor,
    subject: &[Identifier],
    preferences: &[Preference],
) -> Result<Report, Error> {
    let people = subject::people(settings.project_type, subject)?;
    let mut client = Client::new(vendor);
    let named = |group| preferences.iter().any(|preference| Group::of(&preference.item.kind) == Some(group));
    let catalogue = Catalogue::read(&mut client, named)?;
    let targets: Vec<_> =
        preferences.iter().map(|preference| target(&catalogue, preferences, preference)).collect();
    if targets.iter().all(Result::is_err) {
        let items = report_items(preferences, &targets, &[], &Subscriptions::default());
        return Ok(Report { items, standing: Standing::Known, settles_after_ms: None });
    }
    let Some((person, before, standing)) = find_or_create(&mut client, &people)? else {
        return Ok(forgotten(&client, preferences));
    };

    let steps = steps(preferences, &targets, &before);
    let mut after = before.clone();
    for step in &steps {
        after.set(step.target.slot, step.choice);
    }
    let fates = write(settings.subscriptions_api, &mut client, person, &steps, &before, &after)?;
    if fates.iter().any(|(_, fate)| *fate == Fate::Forgotten) {
        return Ok(forgotten(&client, preferences));
    }
    let items = report_items(preferences, &targets, &fates, &after);
    Ok(Report { items, standing, settles_after_ms: settling(&client, &fates) })
}

/// Finds the item of the preference. The error says why the preference is not applied.
fn target(catalogue: &Catalogue, all: &[Preference], preference: &Preference) -> Result<Target, String> {
    // Times are compared by whole second. On a tie, the opt-out wins.
    let rank = |preference: &Preference| (preference.chosen_at_ms / 1000, preference.choice);
    let newest = all.iter().filter(|other| other.item == preference.item).max_by_key(|other| rank(other));
    if newest.is_some_and(|newest| !std::ptr::eq(newest, preference)) {
        return Err("a newer choice for the same item is part of the same call".to_owned());
    }
    catalogue.target(&preference.item)
}

/// Finds the person, or creates them. `None` if they are forgotten.
fn find_or_create<'a>(
    client: &mut Client,
    people: &'a [Person],
) -> Result<Option<(&'a Person, Subscriptions, Standing)>, Error> {
    if let Some((person, profile)) = client.first_known(people)? {
        return Ok(Some((person, profile.into(), Standing::Known)));
    }
    let Some(person) = people.first() else { return Ok(None) };
    let request = request::create_user(person);
    let operation = request.operation;
    match client.write(request)? {
        Ok(_) => Ok(Some((person, Subscriptions::default(), Standing::Created))),
        Err(refusal) if refusal.meaning == Meaning::Forgotten => Ok(None),
        Err(refusal) => Err(client.fail(operation, refusal, "")),
    }
}

fn steps(
    preferences: &[Preference],
    targets: &[Result<Target, String>],
    before: &Subscriptions,
) -> Vec<Step> {
    let steps = (0..).zip(preferences).zip(targets).filter_map(|((at, preference), target)| {
        let target = *target.as_ref().ok()?;
        Some(Step { at, target, choice: preference.choice })
    });
    steps.filter(|step| before.choice(step.target.slot) != Some(step.choice)).collect()
}

fn write(
    api: SubscriptionsApi,
    client: &mut Client,
    person: &Person,
    steps: &[Step],
    before: &Subscriptions,
    after: &Subscriptions,
) -> Result<Vec<(usize, Fate)>, Error> {
    if api != SubscriptionsApi::Off {
        if let Some(fates) = additive::write(client, person, steps)? {
            return Ok(fates);
        }
        if api == SubscriptionsApi::On {
            return Err(Error { may_have_acted: client.has_acted(), ..subscriptions_api_is_off() });
        }
    }
    replace::write(client, person, steps, before, after)
}

fn report_items(
    preferences: &[Preference],
    targets: &[Result<Target, String>],
    fates: &[(usize, Fate)],
    after: &Subscriptions,
) -> Vec<ItemReport> {
    let reports = (0..).zip(preferences).zip(targets).map(|((at, preference), target)| {
        let fate = fates.iter().find(|(of, _)| *of == at).map(|(_, fate)| fate);
        let (change, detail) = match (target, fate) {
            (Err(reason), _) | (_, Some(Fate::Refused(reason))) => (Change::Refused, reason.clone()),
            (_, Some(Fate::Forgotten)) => (Change::Refused, FORGOTTEN.to_owned()),
            (_, Some(Fate::Pending(why))) => (Change::Pending, (*why).to_owned()),
            (Ok(target), Some(Fate::Applied)) => (Change::Applied, shadow(target, preference.choice, after)),
            (Ok(target), None) => (Change::Unchanged, shadow(target, preference.choice, after)),
        };
        ItemReport { item: preference.item.clone(), change, detail }
    });
    reports.collect()
}

/// Explains an opt-in to a message type whose channel is opted out.
fn shadow(target: &Target, choice: Choice, after: &Subscriptions) -> String {
    let out =
        |id: &i64| after.choice(Slot { list: List::UnsubscribedChannels, id: *id }) == Some(Choice::OptOut);
    match target.channel.filter(out) {
        Some(channel) if choice == Choice::OptIn => {
            format!(
                "the person is opted out of channel {channel}, which overrides this: no messages of this type are sent"
            )
        }
        _ => String::new(),
    }
}

const FORGOTTEN: &str = "Iterable has forgotten this person and accepts no new choices for them";

fn forgotten(client: &Client, preferences: &[Preference]) -> Report {
    let refused = |preference: &Preference| ItemReport {
        item: preference.item.clone(),
        change: Change::Refused,
        detail: FORGOTTEN.to_owned(),
    };
    let items = preferences.iter().map(refused).collect();
    Report { items, standing: Standing::Forgotten, settles_after_ms: settling(client, &[]) }
}

/// Iterable recommends waiting a minute before a call that depends on a write.
fn settling(client: &Client, fates: &[(usize, Fate)]) -> Option<u64> {
    let pending = fates.iter().any(|(_, fate)| matches!(fate, Fate::Pending(_)));
    (pending || client.has_acted()).then_some(SETTLING_MS)
}
