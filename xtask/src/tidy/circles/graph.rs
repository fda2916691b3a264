//! The graph of imports between files, and its circles.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt,
};

/// Each file, with the files that it imports and the path that shows the import.
#[derive(Default)]
pub(super) struct Graph(BTreeMap<String, BTreeMap<String, String>>);

/// The shortest circle through files that all import each other, directly or not.
#[derive(Debug)]
pub(super) struct Circle {
    /// The files in order; the last one imports the first.
    files: Vec<String>,
    /// The path that shows each import, such as `a.rs:1 uses crate::b::Thing`.
    shown: Vec<String>,
    /// The number of files that import each other, including those that are not on this circle.
    of: usize,
}

impl Graph {
    /// Adds an import. The first path that shows an import is kept.
    pub(super) fn add(&mut self, from: String, to: String, shown: String) {
        if from != to {
            self.0.entry(from).or_default().entry(to).or_insert(shown);
        }
    }

    /// Returns one circle for each group of files that import each other.
    pub(super) fn circles(&self) -> Vec<Circle> {
        let mut circles = Vec::new();
        let mut done = BTreeSet::new();
        for file in self.0.keys() {
            if done.contains(file.as_str()) || self.way(file, file).is_none() {
                continue;
            }
            let knot: Vec<&str> = self
                .0
                .keys()
                .map(String::as_str)
                .filter(|other| self.way(file, other).is_some() && self.way(other, file).is_some())
                .collect();
            let ways = knot.iter().filter_map(|file| self.way(file, file));
            circles.extend(ways.min_by_key(Vec::len).map(|files| self.circle(&files, knot.len())));
            done.extend(knot);
        }
        circles
    }

    fn circle(&self, files: &[&str], of: usize) -> Circle {
        let next = files.iter().cycle().skip(1);
        let shown = files.iter().zip(next).filter_map(|(from, to)| self.0.get(*from)?.get(*to).cloned());
        Circle { files: files.iter().map(|file| (*file).to_owned()).collect(), shown: shown.collect(), of }
    }

    /// Returns a shortest path, including its first file but not its last.
    fn way<'a>(&'a self, from: &'a str, to: &str) -> Option<Vec<&'a str>> {
        let mut reached_from = BTreeMap::new();
        let mut waiting = VecDeque::from([from]);
        while let Some(file) = waiting.pop_front() {
            for next in self.0.get(file).into_iter().flat_map(BTreeMap::keys) {
                if next == to {
                    let mut way = vec![file];
                    while let Some(before) =
                        way.last().filter(|file| **file != from).and_then(|file| reached_from.get(file))
                    {
                        way.push(*before);
                    }
                    way.reverse();
                    return Some(way);
                }
                if !reached_from.contains_key(next.as_str()) {
                    reached_from.insert(next.as_str(), file);
                    waiting.push_back(next);
                }
            }
        }
        None
    }
}

/// Prints `circle: a.rs -> b.rs -> a.rs`, and a line for each import.
impl fmt::Display for Circle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("circle: ")?;
        for file in &self.files {
            write!(f, "{file} -> ")?;
        }
        f.write_str(self.files.first().map_or("", String::as_str))?;
        if self.of > self.files.len() {
            write!(f, " (the shortest among {} files that import each other)", self.of)?;
        }
        self.shown.iter().try_for_each(|shown| write!(f, "\n    {shown}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_round_is_the_shortest_although_a_longer_one_begins_anywhere_on_it() {
        let mut graph = Graph::default();
        // a -> b -> c, and a detour from each past the next one.
        let detours = ["ax", "xw", "wc", "by", "yv", "va", "cz", "zu", "ub"];
        for pair in ["ab", "bc", "ca"].iter().chain(&detours) {
            let (from, to) = pair.split_at(1);
            graph.add(from.to_owned(), to.to_owned(), (*pair).to_owned());
        }
        let circles = graph.circles();
        assert_eq!(circles.len(), 1);
        assert_eq!(
            (circles[0].files.concat(), circles[0].shown.concat(), circles[0].of),
            ("abc".to_owned(), "abbcca".to_owned(), 9)
        );
    }

    #[test]
    fn a_file_that_leads_to_a_circle_or_out_of_one_is_none_of_it() {
        let mut graph = Graph::default();
        for pair in ["ab", "bc", "cb", "cd", "ee"] {
            let (from, to) = pair.split_at(1);
            graph.add(from.to_owned(), to.to_owned(), (*pair).to_owned());
        }
        let circles: Vec<_> = graph.circles().iter().map(ToString::to_string).collect();
        assert_eq!(circles, ["circle: b -> c -> b\n    bc\n    cb"]);
    }
}
