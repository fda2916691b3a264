//! The watch over the other replicas. It does not depend on clocks: a replica is silent if its count of signs of life stays
//! the same for a while.

use std::{collections::BTreeMap, time::Duration};

use host_store::{ReplicaId, replicas::SignOfLife};
use tokio::time::Instant;

/// After this time without a sign of life, the work of a replica is taken over. Longer than it may send after its last one,
/// and the time that this one may have taken to be committed.
pub(super) const MAX_SILENCE: Duration = Duration::from_secs(20);

/// A watch with a longer gap begins anew: the database did not respond then, or this process did not run, so that others may
/// have been unable to give a sign of life.
const MAX_GAP: Duration = Duration::from_secs(5);

/// What is known of the other replicas.
#[derive(Debug, Default)]
pub(super) struct Others {
    /// The number of signs of life of each, and since when it has been the same.
    seen: BTreeMap<ReplicaId, (i64, Instant)>,
    looked_at: Option<Instant>,
}

impl Others {
    /// Looks at the signs of life of `others` at `now`. Returns those that have been silent for too long.
    pub(super) fn silent(&mut self, others: Vec<SignOfLife>, now: Instant) -> Vec<SignOfLife> {
        if self.looked_at.is_none_or(|last| now.duration_since(last) > MAX_GAP) {
            self.seen.clear();
        }
        self.looked_at = Some(now);
        let before = std::mem::take(&mut self.seen);
        let mut silent = Vec::new();
        for other in others {
            let since = match before.get(&other.id) {
                Some((beats, since)) if *beats == other.beats => *since,
                _ => now,
            };
            self.seen.insert(other.id.clone(), (other.beats, since));
            if now.duration_since(since) >= MAX_SILENCE {
                silent.push(other);
            }
        }
        silent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sign(beats: i64) -> Vec<SignOfLife> {
        vec![SignOfLife { id: ReplicaId::named("other"), beats }]
    }

    #[test]
    fn a_replica_is_silent_if_its_count_stays_the_same_for_a_while_in_which_it_was_watched() {
        let (mut others, start) = (Others::default(), Instant::now());
        let mut look = |seconds: u64, beats| {
            others.silent(sign(beats), start + Duration::from_secs(seconds)) == sign(beats)
        };
        for second in 0..10 {
            assert!(!look(second, 1), "{second}");
        }
        assert!(!look(10, 2), "it was late");
        for second in 11..30 {
            assert!(!look(second, 2), "{second}");
        }
        assert!(look(30, 2));
        assert!(!look(100, 2), "nobody watched in between");
        for second in 101..120 {
            assert!(!look(second, 2), "{second}");
        }
        assert!(look(120, 2));
    }
}
