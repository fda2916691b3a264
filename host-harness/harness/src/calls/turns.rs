//! Serializes the calls for one person at one vendor account. No call starts before the vendor shows what the previous
//! one wrote.
//!
//! Otherwise, two calls that read, merge and write whole lists would lose the first one's choices. Turns are kept in
//! memory; across restarts and replicas, the caller that stores requests must keep the order.

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use tokio::sync::OwnedMutexGuard;

use crate::{clock::Clock, connection::Connection};
use host_model::contract::Subject;

/// Settling time after a call that may have written without reporting it: the time that Iterable needs.
pub const DEFAULT_SETTLING: Duration = Duration::from_mins(1);
/// Maximum time for which a connector can delay a person's calls: ten times what the slowest known vendor needs.
pub const MAX_SETTLING: Duration = Duration::from_mins(10);

/// Number of people below which no entries are removed.
const MIN_PEOPLE_TO_PRUNE: usize = 10_000;

/// When a person's next call may begin.
type NextCallTime = Arc<tokio::sync::Mutex<Duration>>;

/// The turns of all people. Lives as long as the process.
#[derive(Debug)]
pub(super) struct Turns {
    clock: Arc<dyn Clock>,
    people: Mutex<TurnTable>,
}

#[derive(Debug, Default)]
struct TurnTable {
    settled: HashMap<[u8; 32], NextCallTime>,
    /// The number of entries at which unused ones are removed again.
    look_at: usize,
}

/// A person's turn, which ends on drop.
pub(super) struct Turn {
    clock: Arc<dyn Clock>,
    names: Vec<OwnedMutexGuard<Duration>>,
    /// Whether it may have written without reporting it. A call can be dropped at any await point.
    untold: bool,
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.untold {
            self.settles_after(DEFAULT_SETTLING);
        }
    }
}

impl Turns {
    /// Creates an empty set of turns that uses `clock`.
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, people: Mutex::default() }
    }

    /// Waits for the turn of `subject` under each of its identifiers that identifies a person at the connection: the
    /// previous turn must have ended and settled.
    pub(super) async fn take(&self, connection: &Connection, subject: &Subject) -> Turn {
        let identifiers = subject.identifiers().iter().filter(|i| connection.identifying.includes(&i.kind));
        let mut keys: Vec<_> = identifiers.map(|i| key(connection, &i.kind, &i.value)).collect();
        // A single order for all callers, so that no two wait for each other.
        keys.sort_unstable();
        keys.dedup();
        let mut names = Vec::new();
        for key in keys {
            let settled = self.person(key);
            names.push(settled.lock_owned().await);
        }
        for settled in &names {
            self.clock.sleep_until(**settled).await;
        }
        Turn { clock: Arc::clone(&self.clock), names, untold: false }
    }

    fn person(&self, key: [u8; 32]) -> NextCallTime {
        let now = self.clock.now();
        let mut people = self.people.lock();
        people.prune_settled(now);
        Arc::clone(people.settled.entry(key).or_default())
    }
}

impl TurnTable {
    /// Removes entries that are neither held nor settling. The next cleanup happens when there are twice as many
    /// entries.
    fn prune_settled(&mut self, now: Duration) {
        if self.settled.len() < self.look_at.max(MIN_PEOPLE_TO_PRUNE) {
            return;
        }
        self.settled.retain(|_, settled| {
            Arc::strong_count(settled) > 1 || settled.try_lock().map_or(true, |settled| *settled > now)
        });
        self.look_at = self.settled.len() * 2;
    }
}

impl Turn {
    /// Marks that a write may be sent from now on. A turn that ends without a report gets time to settle.
    pub(super) fn may_write(&mut self) {
        self.untold = true;
    }

    /// Delays the next turn by at least `wait` from now.
    pub(super) fn settles_after(&mut self, wait: Duration) {
        self.untold = false;
        let settled = self.clock.now() + wait;
        for name in &mut self.names {
            **name = settled;
        }
    }
}

/// Returns a hash that identifies the person, since nothing here needs the identifier itself.
fn key(connection: &Connection, kind: &str, value: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(connection.account);
    for part in [kind, value.trim().to_lowercase().as_str()] {
        hash.update(Sha256::digest(part));
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use test_support::eventually;

    use super::*;
    use crate::{clock::ManualClock, connection::ConnectionSpec};
    use host_model::contract::manifest::Manifest;

    fn connection() -> Connection {
        let spec = ConnectionSpec::new("acme", "newsletter", "example");
        spec.resolve(&Manifest::default()).unwrap()
    }

    #[tokio::test]
    async fn the_next_turn_waits_until_the_last_has_settled_under_any_name_of_the_person() {
        let clock = Arc::new(ManualClock::default());
        let (turns, connection) = (Turns::new(Arc::clone(&clock) as _), connection());
        let ada = Subject::email("ada@example.com").and("user-id", "u-17");
        turns.take(&connection, &ada).await.settles_after(Duration::from_mins(1));
        // Another person does not wait.
        turns.take(&connection, &Subject::email("bob@example.com")).await;
        let by_id = Subject::default().and("user-id", "U-17 ");
        let waiting = async {
            turns.take(&connection, &by_id).await;
            clock.now()
        };
        let (began, ()) = tokio::join!(waiting, async {
            eventually("a call waits", async || clock.is_slept_on(), |waits| *waits).await;
            clock.advance(Duration::from_mins(1));
        });
        assert_eq!(began, Duration::from_mins(1));
    }

    #[tokio::test]
    async fn a_person_with_nothing_pending_is_forgotten_and_no_one_else_is() {
        let clock = Arc::new(ManualClock::default());
        let (turns, connection) = (Turns::new(Arc::clone(&clock) as _), connection());
        let held = turns.take(&connection, &Subject::email("held@example.com")).await;
        turns
            .take(&connection, &Subject::email("settling@example.com"))
            .await
            .settles_after(Duration::from_mins(1));
        for n in 0..MIN_PEOPLE_TO_PRUNE {
            turns.take(&connection, &Subject::email(format!("{n}@example.com"))).await;
        }
        let known = |turns: &Turns| turns.people.lock().settled.len();
        assert!(known(&turns) < 10, "{}", known(&turns));
        for name in ["held@example.com", "settling@example.com"] {
            let key = key(&connection, "email", name);
            assert!(turns.people.lock().settled.contains_key(&key), "{name}");
        }
        drop(held);
    }

    #[tokio::test]
    async fn a_turn_that_ends_without_a_word_about_its_write_is_given_time_to_settle() {
        let clock = Arc::new(ManualClock::default());
        let (turns, connection) = (Turns::new(Arc::clone(&clock) as _), connection());
        let ada = Subject::email("ada@example.com");
        let mut told = turns.take(&connection, &ada).await;
        told.may_write();
        told.settles_after(Duration::ZERO);
        drop(told);
        // No one waits for this turn; the next is dropped like an abandoned call.
        let mut untold = turns.take(&connection, &ada).await;
        untold.may_write();
        drop(untold);
        let (began, ()) = tokio::join!(
            async {
                turns.take(&connection, &ada).await;
                clock.now()
            },
            async {
                eventually("a call waits", async || clock.is_slept_on(), |waits| *waits).await;
                clock.advance(DEFAULT_SETTLING);
            }
        );
        assert_eq!(began, DEFAULT_SETTLING);
    }
}
