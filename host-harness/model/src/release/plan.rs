//! Which of the two versions a call runs on at a share.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use strum::{AsRefStr, EnumString};

use super::{share::Share, steps::ReleaseSteps};
use crate::digest::Digest;

/// One of the two versions of a release.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, AsRefStr, EnumString,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Side {
    /// The version that served before.
    Before,
    /// The version that is released.
    Released,
}

/// What is fixed when a release begins, and stored with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ReleasePlan {
    /// The version that is released. It decides who is in a share, so that each release picks others.
    version: Digest,
    steps: ReleaseSteps,
    /// The share from which each connection is released.
    connections: BTreeMap<String, Share>,
}

impl ReleasePlan {
    /// Plans a release of `version` of `plugin`. `people` has the connections that take part, by key, each with its number
    /// of people.
    ///
    /// Each step releases the connections that fit: in an order that differs from version to version, a connection is
    /// released if it and those released before have at most the step's share of all people. So the last step releases
    /// those with more than the share of any other step, such as the only one. The plan is not made again when people or
    /// connections are added, so that no connection moves back.
    pub fn new(version: Digest, plugin: &str, people: &BTreeMap<String, u64>, steps: ReleaseSteps) -> Self {
        // One more than its people, since a connection without people also receives deliveries.
        let weight = |people: u64| people.saturating_add(1);
        let all = people.values().fold(0_u64, |all, people| all.saturating_add(weight(*people)));
        let mut waiting: Vec<(&String, u64)> = people.iter().map(|(key, n)| (key, weight(*n))).collect();
        waiting.sort_by_cached_key(|(key, _)| rank(version, plugin, key));
        let (mut connections, mut released) = (BTreeMap::new(), 0_u64);
        for share in steps.shares() {
            waiting.retain(|(key, weight)| {
                let with_it = released.saturating_add(*weight);
                if !share.holds(with_it, all) {
                    return true;
                }
                released = with_it;
                connections.insert((*key).clone(), *share);
                false
            });
        }
        Self { version, steps, connections }
    }

    /// Returns the version that is released.
    pub fn version(&self) -> Digest {
        self.version
    }

    /// Returns the steps.
    pub fn steps(&self) -> &ReleaseSteps {
        &self.steps
    }

    /// Returns the version for a call about the person with this number, at `share`.
    pub fn side_of_person(&self, share: Share, person: i64) -> Side {
        if share.includes_person(self.version, person) { Side::Released } else { Side::Before }
    }

    /// Returns the version for a call that is about the connection `key` and no single person, at `share`. A connection
    /// that was created since the release was planned is released at the last step.
    pub fn side_of_connection(&self, share: Share, key: &str) -> Side {
        let from = self.connections.get(key).copied().unwrap_or(Share::WHOLE);
        if from <= share { Side::Released } else { Side::Before }
    }
}

/// A connection's place in the order in which those of `plugin` are released.
fn rank(version: Digest, plugin: &str, key: &str) -> [u8; 32] {
    // Names have no zero byte, so it separates them.
    let hash = Sha256::new().chain_update(b"release-share/connection\0").chain_update(version.0);
    hash.chain_update(plugin).chain_update([0]).chain_update(key).finalize().into()
}

#[cfg(test)]
mod tests {
    use proptest::{collection::btree_map, prelude::*};

    use super::*;

    const VERSION: Digest = Digest([3; 32]);

    fn planned(people: &BTreeMap<String, u64>, version: Digest) -> ReleasePlan {
        ReleasePlan::new(version, "iterable", people, ReleaseSteps::default())
    }

    fn connections(people: &[(&str, u64)]) -> BTreeMap<String, u64> {
        people.iter().map(|(key, people)| ((*key).to_owned(), *people)).collect()
    }

    fn released_at(plan: &ReleasePlan, keys: &BTreeMap<String, u64>, share: Share) -> Vec<String> {
        keys.keys().filter(|key| plan.side_of_connection(share, key) == Side::Released).cloned().collect()
    }

    #[test]
    fn the_only_connection_is_released_at_the_last_step_and_its_people_at_each() {
        for people in [0, 1, 1_000_000] {
            let only = connections(&[("newsletter", people)]);
            let plan = planned(&only, VERSION);
            let [first, second, last] = *plan.steps().shares() else { panic!("three steps") };
            assert_eq!(plan.side_of_connection(first, "newsletter"), Side::Before);
            assert_eq!(plan.side_of_connection(second, "newsletter"), Side::Before);
            assert_eq!(plan.side_of_connection(last, "newsletter"), Side::Released);
        }
        let plan = planned(&connections(&[("newsletter", 10_000)]), VERSION);
        let moved = |share| (1..=10_000).filter(|n| plan.side_of_person(share, *n) == Side::Released).count();
        let [first, second, last] = *plan.steps().shares() else { panic!("three steps") };
        assert!((400..=600).contains(&moved(first)) && (2_300..=2_700).contains(&moved(second)));
        assert_eq!(moved(last), 10_000);
    }

    #[test]
    fn of_twenty_equal_connections_one_is_released_then_five_then_all_and_other_versions_pick_others() {
        let keys: Vec<String> = (0..20).map(|n| format!("c-{n}")).collect();
        let people = keys.iter().map(|key| (key.clone(), 1_000)).collect();
        let mut picked = std::collections::BTreeSet::new();
        for version in 0..20 {
            let plan = planned(&people, Digest([version; 32]));
            let numbers = plan.steps().shares().iter().map(|share| released_at(&plan, &people, *share).len());
            assert_eq!(numbers.collect::<Vec<_>>(), [1, 5, 20]);
            picked.extend(released_at(&plan, &people, plan.steps().shares()[0]));
        }
        assert!(picked.len() > 5, "{picked:?}");
    }

    #[test]
    fn a_connection_with_most_of_the_people_holds_none_of_the_others_back() {
        let mut people: BTreeMap<String, u64> = (0..50).map(|n| (format!("c-{n}"), 10)).collect();
        people.insert("huge".to_owned(), 100_000);
        for version in 0..10 {
            let plan = planned(&people, Digest([version; 32]));
            let first = released_at(&plan, &people, plan.steps().shares()[0]);
            assert!(first.len() == 50 && !first.contains(&"huge".to_owned()), "{first:?}");
        }
    }

    #[test]
    fn a_connection_that_was_not_there_when_the_release_was_planned_is_released_last() {
        let plan = planned(&connections(&[("a", 1)]), VERSION);
        for (share, side) in plan.steps().shares().iter().zip([Side::Before, Side::Before, Side::Released]) {
            assert_eq!(plan.side_of_connection(*share, "new"), side, "{share}");
        }
        assert_eq!(plan.side_of_connection(Share::NONE, "a"), Side::Before);
    }

    #[test]
    fn a_plan_is_stored_and_read_back() {
        let plan = planned(&connections(&[("a", 1), ("b", 99)]), VERSION);
        let stored = serde_json::to_value(&plan).unwrap();
        let expected = serde_json::json!({
            "version": VERSION.to_string(),
            "steps": [500, 2_500, 10_000],
            "connections": {"a": 500, "b": 10_000},
        });
        assert_eq!(stored, expected);
        assert_eq!(serde_json::from_value::<ReleasePlan>(stored).unwrap(), plan);
    }

    proptest! {
        #![proptest_config(test_support::cases(256))]

        #[test]
        fn released_connections_have_at_most_the_share_of_the_people_and_never_move_back(
            version in any::<[u8; 32]>(), people in btree_map("[a-z]{1,3}", 0..=10_000_u64, 0..40)
        ) {
            let plan = planned(&people, Digest(version));
            let all: u64 = people.values().map(|n| n + 1).sum();
            let mut before = Vec::new();
            for share in plan.steps().shares() {
                let released = released_at(&plan, &people, *share);
                let theirs = released.iter().map(|key| people[key] + 1).sum();
                prop_assert!(share.holds(theirs, all));
                prop_assert!(before.iter().all(|key| released.contains(key)));
                before = released;
            }
            prop_assert_eq!(before.len(), people.len());
        }
    }
}
