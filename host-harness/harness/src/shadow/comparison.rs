//! How two versions differ in what they make of the same call. Contains no personal data.

use host_model::contract::webhook::{ConsentEvent, Verdict};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use strum::Display;

use super::run::{PlannedRequest, ShadowEnd, ShadowRun};

/// The kind of a difference, from the version that serves to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Display)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum DifferenceKind {
    /// A delivery is no longer taken for the vendor's.
    NoLongerAuthentic,
    /// A delivery is no longer readable.
    NoLongerReadable,
    /// A delivery is taken for the vendor's now.
    NowAuthentic,
    /// A delivery is readable now.
    NowReadable,
    /// A delivery has fewer events.
    FewerEvents,
    /// A delivery has more events.
    MoreEvents,
    /// An event is about another person.
    OtherPerson,
    /// An event has other choices, or changes other items.
    OtherChoices,
    /// An event has another key, by which it is recognized when it is delivered again.
    OtherKey,
    /// Another request is asked for, or none, or one more.
    OtherRequest,
    /// The same operation is asked for with other values.
    OtherValues,
    /// The call ends in another way.
    OtherEnd,
}

impl DifferenceKind {
    /// Returns it in words, as the end of a sentence.
    pub fn words(self) -> &'static str {
        match self {
            Self::NoLongerAuthentic => "no longer taken for the vendor's",
            Self::NoLongerReadable => "no longer readable",
            Self::NowAuthentic => "now taken for the vendor's",
            Self::NowReadable => "now readable",
            Self::FewerEvents => "fewer events",
            Self::MoreEvents => "more events",
            Self::OtherPerson => "events about another person",
            Self::OtherChoices => "other choices",
            Self::OtherKey => "other keys of events",
            Self::OtherRequest => "another request",
            Self::OtherValues => "other values in a request",
            Self::OtherEnd => "another end",
        }
    }
}

/// A difference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BehaviourDifference {
    /// Its kind.
    pub kind: DifferenceKind,
    /// Both versions, in words from their manifests; empty if the kind says everything.
    pub detail: String,
}

/// Returns the first difference of `after`, which is the run of a version, from `before`, the run of the version that
/// serves. `None` if they do the same.
pub fn difference(before: &ShadowRun, after: &ShadowRun) -> Option<BehaviourDifference> {
    let of = |kind, detail| Some(BehaviourDifference { kind, detail });
    for at in 0..before.requests.len().max(after.requests.len()) {
        let (was, is) = (before.requests.get(at), after.requests.get(at));
        if was.map(sort) != is.map(sort) {
            return of(DifferenceKind::OtherRequest, instead(&named(is), &named(was)));
        }
        if let (Some(was), Some(is)) = (was, is)
            && !have_same_values(was, is)
        {
            return of(DifferenceKind::OtherValues, is.to_string());
        }
    }
    match (&before.end, &after.end) {
        (was, is) if was == is => None,
        (ShadowEnd::Judged(was), ShadowEnd::Judged(is)) => of(judged(was, is)?, String::new()),
        (was, is) => of(DifferenceKind::OtherEnd, instead(&is.to_string(), &was.to_string())),
    }
}

/// Returns what a plan shows of a request.
fn sort(request: &PlannedRequest) -> impl PartialEq {
    (request.operation.clone(), request.is_permitted)
}

fn named(request: Option<&PlannedRequest>) -> String {
    request.map_or_else(|| "no request".to_owned(), ToString::to_string)
}

fn instead(is: &str, was: &str) -> String {
    format!("{is} instead of {was}")
}

fn have_same_values(one: &PlannedRequest, other: &PlannedRequest) -> bool {
    let (one, other) = (&one.contents, &other.contents);
    let same_body = match (&one.body, &other.body) {
        (Some(one), Some(other)) => {
            one == other || json(one).is_some_and(|document| Some(document) == json(other))
        }
        (one, other) => one == other,
    };
    same_body && one.operation == other.operation && one.values == other.values && one.query == other.query
}

fn json(body: &[u8]) -> Option<Value> {
    serde_json::from_slice(body).ok()
}

fn judged(was: &Verdict, is: &Verdict) -> Option<DifferenceKind> {
    match (was, is) {
        (Verdict::Authentic(was), Verdict::Authentic(is)) => events(was, is),
        // Their reasons are for people.
        (Verdict::Unauthenticated(_), Verdict::Unauthenticated(_))
        | (Verdict::Unreadable(_), Verdict::Unreadable(_)) => None,
        (_, Verdict::Unauthenticated(_)) => Some(DifferenceKind::NoLongerAuthentic),
        (Verdict::Unauthenticated(_), _) => Some(DifferenceKind::NowAuthentic),
        (_, Verdict::Unreadable(_)) => Some(DifferenceKind::NoLongerReadable),
        (Verdict::Unreadable(_), _) => Some(DifferenceKind::NowReadable),
    }
}

fn events(was: &[ConsentEvent], is: &[ConsentEvent]) -> Option<DifferenceKind> {
    if is.len() < was.len() {
        return Some(DifferenceKind::FewerEvents);
    }
    if is.len() > was.len() {
        return Some(DifferenceKind::MoreEvents);
    }
    was.iter().zip(is).find_map(|(was, is)| {
        if was.subject != is.subject {
            Some(DifferenceKind::OtherPerson)
        } else if was.preferences != is.preferences || was.changed != is.changed {
            Some(DifferenceKind::OtherChoices)
        } else if was.key != is.key {
            Some(DifferenceKind::OtherKey)
        } else {
            None
        }
    })
}

#[cfg(test)]
mod tests;
