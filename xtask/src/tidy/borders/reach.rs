//! The path by which a package depends on another.

use std::collections::{BTreeMap, VecDeque};

use super::{features::PlainBuild, metadata::GraphPackage};

/// Returns the names on a shortest path from `from` to a package called `to`, including both.
pub(super) fn way<'a>(build: &PlainBuild<'a>, from: &'a GraphPackage, to: &str) -> Option<Vec<&'a str>> {
    let mut reached: BTreeMap<&str, Option<&GraphPackage>> = BTreeMap::from([(from.id.as_str(), None)]);
    let mut waiting = VecDeque::from([from]);
    while let Some(package) = waiting.pop_front() {
        if package.name == to {
            let above = |package: &&GraphPackage| reached.get(package.id.as_str()).copied().flatten();
            let mut way: Vec<_> =
                std::iter::successors(Some(package), above).map(|package| package.name.as_str()).collect();
            way.reverse();
            return Some(way);
        }
        for next in build.dependencies(package) {
            if !reached.contains_key(next.id.as_str()) {
                reached.insert(&next.id, Some(package));
                waiting.push_back(next);
            }
        }
    }
    None
}
