//! Logs a lasting condition only when it begins.

use std::time::{Duration, Instant};

/// After this time without an occurrence, an episode is over.
const QUIET: Duration = Duration::from_mins(1);

/// Something that may happen many times a second.
#[derive(Debug, Default)]
pub(super) struct Episode {
    last: Option<Instant>,
}

impl Episode {
    /// Records an occurrence. Returns whether it begins an episode: the last one was at least a minute ago.
    pub(super) fn begins(&mut self, now: Instant) -> bool {
        let before = self.last.replace(now);
        before.is_none_or(|before| now.duration_since(before) >= QUIET)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_episode_begins_once_and_the_next_one_after_a_quiet_minute() {
        let (mut episode, begun) = (Episode::default(), Instant::now());
        let begins: Vec<_> = [0, 1, 59, 118, 178]
            .into_iter()
            .filter(|seconds| episode.begins(begun + Duration::from_secs(*seconds)))
            .collect();
        assert_eq!(begins, [0, 178]);
    }
}
