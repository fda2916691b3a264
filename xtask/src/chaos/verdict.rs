//! What has to hold after a run, read from the API, the vendor's log, the feed and the audit chain.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use super::load::{AT_VENDOR, CHANNEL, Log, Wish};
use crate::programs::{
    cluster::Cluster,
    connector_host::output_of,
    document::{list, text},
    stand_in::StandIn,
    wait::until,
};

/// The vendor's limit on erasures, in requests a second.
const FORGETS_A_SECOND: usize = 3;

/// How far the clocks of two replicas are apart at most.
const MAX_CLOCK_DIFFERENCE_MS: i64 = 100;

/// Checks a run in which nothing is due any more. Returns what was found, a line each.
pub(super) fn check(cluster: &Cluster, stand_in: &StandIn, log: &Log) -> Result<Vec<String>> {
    let requests = acknowledged(cluster, log)?;
    let events = all_events(cluster)?;
    let sent = stand_in.get("requests")?;
    let sent = sent.as_array().context("no requests")?;
    Ok(vec![
        requests,
        wishes(cluster, stand_in, log, sent)?,
        erasures(cluster, log, sent)?,
        limits(sent)?,
        attempts(cluster, log)?,
        feed(log, &events)?,
        heard(stand_in, &events)?,
        chains(cluster)?,
        takeovers(cluster)?,
    ])
}

/// Returns the ids of everything that was acknowledged.
fn accepted(log: &Log) -> impl Iterator<Item = &String> {
    log.wishes.iter().map(|wish| &wish.id).chain(log.erasures.iter().map(|(id, _)| id))
}

/// Whether requests are left that have not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Open {
    Some,
    None,
}

/// What a request waits for until a time comes: its own, or that of an earlier one about its person.
const WAITS_FOR_A_TIME: [&str; 3] = ["retry", "settling", "earlier_request"];

/// Waits until every request has ended or waits for a time to come. Returns whether some have not ended.
pub(super) fn once_nothing_is_due(cluster: &Cluster, log: &Log, patience: Duration) -> Result<Open> {
    let mut open = Open::None;
    for (number, id) in accepted(log).enumerate() {
        let mut last = Value::Null;
        let path = format!("/api/v1/requests/{id}");
        let found = until(&format!("GET {path}"), patience, || {
            cluster.supervise()?;
            last = cluster.api(number).get(&path).unwrap_or_default();
            let has_ended = last.pointer("/finished_at").is_some_and(Value::is_number);
            let waits_for = last.pointer("/forecast/waits_for").and_then(Value::as_str);
            let waits = waits_for.is_some_and(|what| WAITS_FOR_A_TIME.contains(&what));
            if waits {
                open = Open::Some;
            }
            Ok((has_ended || waits).then_some(()))
        });
        found.with_context(|| format!("the request is {last}"))?;
    }
    Ok(open)
}

/// Nothing that was acknowledged is lost: each wish is carried out, and each erasure is proven.
fn acknowledged(cluster: &Cluster, log: &Log) -> Result<String> {
    for (number, id) in accepted(log).enumerate() {
        let ended = cluster.api(number).get(&format!("/api/v1/requests/{id}"))?;
        let state = text(&ended, "/state")?;
        ensure!(state == "done", "the request {id} is {state}: {ended}");
    }
    let ids: BTreeSet<&String> = accepted(log).collect();
    let (wishes, erasures) = (log.wishes.len(), log.erasures.len());
    ensure!(ids.len() == wishes + erasures, "two acknowledgements have the same request");
    Ok(format!("acknowledged and carried out: {wishes} wishes, {erasures} erasures, each proven"))
}

/// No person's older wish reached the vendor after a newer one, and the newest stands there. One that was overtaken by a newer
/// one while it was held up is not sent.
fn wishes(cluster: &Cluster, stand_in: &StandIn, log: &Log, sent: &[Value]) -> Result<String> {
    let mut wished: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for Wish { person, choice, .. } in &log.wishes {
        wished.entry(person).or_default().push(choice);
    }
    let mut arrived: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (person, choice) in sent.iter().filter_map(choice_in) {
        let choices = arrived.entry(person).or_default();
        if choices.last() != Some(&choice) {
            choices.push(choice);
        }
    }
    for (person, wished) in &wished {
        let arrived = arrived.get(*person).map(Vec::as_slice).unwrap_or_default();
        let truth = stand_in.get(&format!("people/{person}"))?;
        // A person who never left a channel has no such list.
        let left = truth.pointer("/person/dataFields/unsubscribedChannelIds").and_then(Value::as_array);
        let left = left.into_iter().flatten().any(|id| id.as_i64() == Some(CHANNEL));
        let stands = if left { "opt_out" } else { "opt_in" };
        if !are_in_order(arrived, wished) || wished.last() != Some(&stands) {
            let of_person = log.wishes.iter().filter(|wish| wish.person == *person);
            let shown = of_person.map(|wish| cluster.api(0).get(&format!("/api/v1/requests/{}", wish.id)));
            let shown = shown.collect::<Result<Vec<_>>>()?;
            bail!(
                "{person} wished {wished:?}, the vendor was sent {arrived:?} and has {stands}: {}",
                Value::from(shown)
            );
        }
    }
    Ok(format!("in order at the vendor: the wishes of {} people", wished.len()))
}

/// Returns whether `arrived` are some of `wished`, in their order.
fn are_in_order(arrived: &[&str], wished: &[&str]) -> bool {
    let mut wished = wished.iter();
    arrived.iter().all(|choice| wished.any(|wish| wish == choice))
}

/// Returns the person and the choice for the channel in a request to the vendor; `None` if it is about something else.
fn choice_in(request: &Value) -> Option<(String, &'static str)> {
    let path = request.pointer("/path")?.as_str()?;
    if path == "/api/users/updateSubscriptions" {
        let person = request.pointer("/body/email")?.as_str()?;
        let left = request.pointer("/body/unsubscribedChannelIds")?.as_array()?;
        let is_out = left.iter().any(|id| id.as_i64() == Some(CHANNEL));
        return Some((person.to_owned(), if is_out { "opt_out" } else { "opt_in" }));
    }
    let person = path.strip_prefix(&format!("/api/subscriptions/messageChannel/{CHANNEL}/user/"))?;
    let choice = match request.pointer("/method")?.as_str()? {
        "PATCH" => "opt_in",
        "DELETE" => "opt_out",
        _ => return None,
    };
    Some((person.replace("%40", "@"), choice))
}

/// The vendor was asked to forget each person, and again only after an attempt of which it is not known what it did.
fn erasures(cluster: &Cluster, log: &Log, sent: &[Value]) -> Result<String> {
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for person in bodies(sent, "/api/users/forget").filter_map(|body| body.pointer("/email")?.as_str()) {
        *times.entry(person).or_default() += 1;
    }
    for (number, (id, person)) in log.erasures.iter().enumerate() {
        let asked = times.get(person.as_str()).copied().unwrap_or_default();
        let request = cluster.api(number).get(&format!("/api/v1/requests/{id}"))?;
        let unknown = list(&request, "/attempts")?.iter().filter(|attempt| {
            let is_known = attempt.pointer("/result/receipt").is_some_and(Value::is_object);
            attempt.pointer("/step") == Some(&Value::from("act")) && !is_known
        });
        let allowed = 1 + unknown.count();
        ensure!(
            (1..=allowed).contains(&asked),
            "the vendor was asked to forget {person} {asked} times: {request}"
        );
    }
    let again = times.values().filter(|times| **times > 1).count();
    Ok(format!("asked to forget: {} people, {again} of them again after a fault", times.len()))
}

/// The attempts about a person ran one after another. One that was cut off has no end.
fn attempts(cluster: &Cluster, log: &Log) -> Result<String> {
    let wishes = log.wishes.iter().map(|wish| (&wish.person, &wish.id));
    let erasures = log.erasures.iter().map(|(id, person)| (person, id));
    let mut of_person: BTreeMap<&String, Vec<(i64, Option<i64>)>> = BTreeMap::new();
    for (number, (person, id)) in wishes.chain(erasures).enumerate() {
        let request = cluster.api(number).get(&format!("/api/v1/requests/{id}"))?;
        for (place, attempt) in list(&request, "/attempts")?.iter().enumerate() {
            let number = attempt.pointer("/number").and_then(Value::as_u64);
            ensure!(number == u64::try_from(place + 1).ok(), "an attempt of {id} is missing: {request}");
            let began = attempt.pointer("/began_at").and_then(Value::as_i64).context("no beginning")?;
            let ended = attempt.pointer("/ended_at").and_then(Value::as_i64);
            of_person.entry(person).or_default().push((began, ended));
        }
    }
    let mut cut_off = 0;
    for (person, times) in &mut of_person {
        times.sort_unstable();
        cut_off += times.iter().filter(|(_, ended)| ended.is_none()).count();
        for two in times.windows(2) {
            let [(_, ended), (next, _)] = two else { continue };
            let ended = ended.unwrap_or_default().saturating_sub(MAX_CLOCK_DIFFERENCE_MS);
            ensure!(ended <= *next, "two attempts about {person} ran together: {times:?}");
        }
    }
    let all: usize = of_person.values().map(Vec::len).sum();
    Ok(format!("one after another for each person: {all} attempts, {cut_off} of them cut off"))
}

/// No second has more erasures than the vendor allows.
fn limits(sent: &[Value]) -> Result<String> {
    let mut at = Vec::new();
    for request in sent.iter().filter(|request| says_path(request, "/api/users/forget")) {
        at.push(text(request, "/at")?.parse::<jiff::Timestamp>()?);
    }
    at.sort();
    for window in at.windows(FORGETS_A_SECOND + 1) {
        let [first, .., last] = window else { continue };
        let within = last.duration_since(*first);
        if within.as_millis() < 1_000 {
            bail!("{} erasures reached the vendor within {} ms", window.len(), within.as_millis());
        }
    }
    Ok(format!("within the vendor's limit of {FORGETS_A_SECOND} a second: {} erasures", at.len()))
}

/// Returns all events of the feed.
fn all_events(cluster: &Cluster) -> Result<Vec<Value>> {
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let page = cluster.api(0).get(&format!("/api/v1/consent-events?after={after}&limit=100"))?;
        let read = list(&page, "/events")?;
        if read.is_empty() {
            return Ok(all);
        }
        all.extend(read.iter().cloned());
        after = page.pointer("/cursor").and_then(Value::as_i64).context("no cursor")?;
    }
}

/// A reader who paged through the feed during the faults has missed nothing.
fn feed(log: &Log, events: &[Value]) -> Result<String> {
    let all = events.iter().map(|event| text(event, "/id")).collect::<Result<Vec<_>>>()?;
    let seen = log.events.len();
    ensure!(!log.events.is_empty(), "the feed stayed empty");
    ensure!(
        all.get(..seen).is_some_and(|first| first == log.events),
        "the reader saw {seen} events, which are not the first of {}",
        all.len()
    );
    Ok(format!("seen in the feed, in order and without a gap: {seen} of {} events", all.len()))
}

/// Each choice at the vendor whose delivery was acknowledged is in the feed once, and none is there twice.
fn heard(stand_in: &StandIn, events: &[Value]) -> Result<String> {
    let mut of_person: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    // Each choice is an event about its item, and one about the notice that the item stands for.
    for event in events.iter().filter(|event| event.pointer("/item").is_some()) {
        let person = event.pointer("/identity_map/email").and_then(Value::as_str).unwrap_or_default();
        if person.starts_with(AT_VENDOR) {
            of_person.entry(person).or_default().push(event);
        }
    }
    let deliveries = stand_in.get("deliveries")?;
    let mut acknowledged = BTreeSet::new();
    for delivery in deliveries.as_array().context("no deliveries")? {
        let status = delivery.pointer("/outcome/answered").and_then(Value::as_u64);
        let person = delivery.pointer("/body/email").and_then(Value::as_str);
        if let (Some(200..=299), Some(person)) =
            (status, person.filter(|person| person.starts_with(AT_VENDOR)))
        {
            acknowledged.insert(person.to_owned());
        }
    }
    ensure!(!acknowledged.is_empty(), "no delivery was acknowledged");
    let lost = acknowledged.iter().find(|person| !of_person.contains_key(person.as_str()));
    ensure!(lost.is_none(), "the choice of {lost:?} was acknowledged and is not in the feed");
    let twice = of_person.values().find(|events| events.len() > 1);
    ensure!(twice.is_none(), "the choice of a person is in the feed more than once: {twice:?}");
    Ok(format!("heard once from the vendor: the choices of {} people", acknowledged.len()))
}

/// Work was taken over, at least that of the replica that was frozen.
fn takeovers(cluster: &Cluster) -> Result<String> {
    let taken = cluster.logs()?.matches("its work is taken over").count();
    ensure!(taken > 0, "no replica has taken over the work of another one");
    Ok(format!("taken over: the work of {taken} replicas"))
}

/// Every chain verifies.
fn chains(cluster: &Cluster) -> Result<String> {
    let verified: Value =
        serde_json::from_str(&output_of(cluster.configuration()?, &["--json", "audit", "verify"])?)?;
    let chains = list(&verified, "/chains")?;
    let lines: i64 = chains.iter().filter_map(|chain| chain.pointer("/lines")?.as_i64()).sum();
    ensure!(chains.iter().all(|chain| chain.pointer("/broken").is_none_or(Value::is_null)), "{verified}");
    Ok(format!("intact: {} audit chains with {lines} lines", chains.len()))
}

fn says_path(request: &Value, path: &str) -> bool {
    request.pointer("/path") == Some(&Value::from(path))
}

/// Returns the bodies of the requests to a path, in the order of their arrival.
fn bodies<'a>(sent: &'a [Value], path: &'a str) -> impl Iterator<Item = &'a Value> {
    sent.iter().filter(move |request| says_path(request, path)).filter_map(|request| request.pointer("/body"))
}
