//! Which of the counts of a release are compared at a step.

use std::collections::BTreeMap;

use super::{
    call_kind::{CallKind, SplitBy},
    counts::{CallCounts, VersionCounts},
    plan::{ReleasePlan, Side},
    share::Share,
};

/// What counts are about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CountPlace {
    /// The version that the calls ran on.
    pub side: Side,
    /// The share of the release at that time.
    pub share: Share,
    /// The kind of call.
    pub kind: CallKind,
    /// The key of the connection, for kinds that are split by connection; `None` for the others.
    pub connection: Option<String>,
}

impl CountPlace {
    /// Returns the place for a call of the connection `key` at `share`.
    pub fn of_call(side: Side, share: Share, kind: CallKind, key: &str) -> Self {
        let connection = (kind.split_by() == SplitBy::Connection).then(|| key.to_owned());
        Self { side, share, kind, connection }
    }
}

/// The counts of both versions that a verdict compares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ComparedCounts {
    /// Of the version that is released, since the step began.
    pub new: VersionCounts,
    /// Of the version before, since the release began.
    pub before: VersionCounts,
    /// Of them, those since the step began: the calls that the vendor answered at the same time.
    pub same_time: VersionCounts,
}

impl ComparedCounts {
    /// Returns what is compared at `share`, from all that was counted of a release. For kinds that are split by connection,
    /// the version before is compared where it was replaced: at the connections that are released.
    pub fn at(share: Share, plan: &ReleasePlan, counted: BTreeMap<CountPlace, CallCounts>) -> Self {
        let is_released = |key: &str| plan.side_of_connection(share, key) == Side::Released;
        let (mut new, mut before, mut same_time) = (Vec::new(), Vec::new(), Vec::new());
        for (place, counts) in counted {
            match place.side {
                Side::Released if place.share == share => new.push((place.kind, counts)),
                Side::Before if place.connection.as_deref().is_none_or(is_released) => {
                    if place.share == share {
                        same_time.push((place.kind, counts.clone()));
                    }
                    before.push((place.kind, counts));
                }
                Side::Released | Side::Before => {}
            }
        }
        let [new, before, same_time] = [new, before, same_time].map(|of| of.into_iter().collect());
        Self { new, before, same_time }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        digest::Digest,
        release::{counts::CallEnd, steps::ReleaseSteps},
    };

    fn calls(number: u64) -> CallCounts {
        let mut counts = VersionCounts::default();
        for _ in 0..number {
            counts.record(CallKind::Erasure, CallEnd::Answered, Duration::from_millis(1));
        }
        counts.of(CallKind::Erasure)
    }

    fn share(basis_points: u16) -> Share {
        Share::try_from(basis_points).unwrap()
    }

    #[test]
    fn the_new_version_counts_from_its_step_and_the_version_before_from_the_beginning() {
        let people = BTreeMap::from([("small".to_owned(), 1), ("large".to_owned(), 1_000)]);
        let plan = ReleasePlan::new(Digest([1; 32]), "iterable", &people, ReleaseSteps::default());
        let counted: BTreeMap<_, _> = [
            (Side::Before, 500, CallKind::Erasure, "large", 1),
            (Side::Before, 2_500, CallKind::Erasure, "small", 10),
            (Side::Released, 500, CallKind::Erasure, "large", 100),
            (Side::Released, 2_500, CallKind::Erasure, "large", 1_000),
            // `small` is released at 5 %, and what it had before counts; `large` is released at 100 %.
            (Side::Before, 500, CallKind::WebhookVerify, "small", 2),
            (Side::Before, 500, CallKind::WebhookVerify, "large", 20),
            (Side::Released, 2_500, CallKind::WebhookVerify, "small", 200),
        ]
        .into_iter()
        .map(|(side, at, kind, key, number)| (CountPlace::of_call(side, share(at), kind, key), calls(number)))
        .collect();
        let at = |at| {
            let ComparedCounts { new, before, same_time } =
                ComparedCounts::at(share(at), &plan, counted.clone());
            let of = |kind| [&new, &before, &same_time].map(|counts| counts.of(kind).calls);
            [of(CallKind::Erasure), of(CallKind::WebhookVerify)]
        };
        assert_eq!(at(500), [[100, 11, 1], [0, 2, 2]]);
        assert_eq!(at(2_500), [[1_000, 11, 10], [200, 2, 0]]);
        assert_eq!(at(10_000), [[0, 11, 0], [0, 22, 0]]);
    }
}
