//! One person's calls at one vendor account, one after another, none before the vendor shows what the last one wrote.
//!
//! Two calls that read, merge and write whole lists would otherwise lose the first one's choices. Kept in memory: across
//! restarts and replicas, whoever stores requests has to keep the order.

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use tokio::sync::OwnedMutexGuard;

use crate::{clock::Clock, connection::Connection};
use host_model::contract::Subject;

/// How long a call that may have written, and did not say so, is given to settle: as long as Iterable needs.
pub const UNTOLD: Duration = Duration::from_mins(1);
/// A connector cannot hold a person's calls back for longer: ten times what the slowest vendor is known to need.
pub const LONGEST_SETTLING: Duration = Duration::from_mins(10);

/// Below this many people nobody is forgotten.
const FEW: usize = 10_000;

/// When a person's next call may begin.
type Settled = Arc<tokio::sync::Mutex<Duration>>;

/// The turns of everybody. Lives as long as the process.
#[derive(Debug)]
pub(super) struct Turns {
    clock: Arc<dyn Clock>,
    people: Mutex<People>,
}

#[derive(Debug, Default)]
struct People {
    settled: HashMap<[u8; 32], Settled>,
    /// How many there may be before those who wait for nothing are looked for again.
    look_at: usize,
}

/// A person's turn; over when dropped.
pub(super) struct Turn {
    clock: Arc<dyn Clock>,
    names: Vec<OwnedMutexGuard<Duration>>,
    /// Whether it may have written without saying so. A call can be dropped at any await.
    untold: bool,
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.untold {
            self.settles_after(UNTOLD);
        }
    }
}

impl Turns {
    /// By `clock`.
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, people: Mutex::default() }
    }

    /// The turn of `subject`, under each of its identifiers that identifies a person at the connection; waits for the last one's to
    /// end and to settle.
    pub(super) async fn take(&self, connection: &Connection, subject: &Subject) -> Turn {
        let identifiers = subject.identifiers().iter().filter(|i| connection.identifying.includes(&i.kind));
        let mut keys: Vec<_> = identifiers.map(|i| key(connection, &i.kind, &i.value)).collect();
        // One order for everybody, so that no two wait for each other.
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

    fn person(&self, key: [u8; 32]) -> Settled {
        let now = self.clock.now();
        let mut people = self.people.lock();
        people.forget_the_settled(now);
        Arc::clone(people.settled.entry(key).or_default())
    }
}

impl People {
    /// Keeps whoever is held or waited for; the next look comes when there are twice as many.
    fn forget_the_settled(&mut self, now: Duration) {
        if self.settled.len() < self.look_at.max(FEW) {
            return;
        }
        self.settled.retain(|_, settled| {
            Arc::strong_count(settled) > 1 || settled.try_lock().map_or(true, |settled| *settled > now)
        });
        self.look_at = self.settled.len() * 2;
    }
}

impl Turn {
    /// From here on a write may leave; a turn that ends without a word about it is given time to settle.
    pub(super) fn may_write(&mut self) {
        self.untold = true;
    }

    /// The next turn begins no sooner than `wait` from now.
    pub(super) fn settles_after(&mut self, wait: Duration) {
        self.untold = false;
        let settled = self.clock.now() + wait;
        for name in &mut self.names {
            **name = settled;
        }
    }
}

/// People appear as a hash: nothing here needs to know them.
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
        // Somebody else does not wait.
        turns.take(&connection, &Subject::email("bob@example.com")).await;
        let by_id = Subject::default().and("user-id", "U-17 ");
        let waiting = async {
            turns.take(&connection, &by_id).await;
            clock.now()
        };
        let (began, ()) = tokio::join!(waiting, async {
            clock.slept_on().await;
            clock.advance(Duration::from_mins(1));
        });
        assert_eq!(began, Duration::from_mins(1));
    }

    #[tokio::test]
    async fn whoever_waits_for_nothing_is_forgotten_and_nobody_else() {
        let clock = Arc::new(ManualClock::default());
        let (turns, connection) = (Turns::new(Arc::clone(&clock) as _), connection());
        let held = turns.take(&connection, &Subject::email("held@example.com")).await;
        turns
            .take(&connection, &Subject::email("settling@example.com"))
            .await
            .settles_after(Duration::from_mins(1));
        for n in 0..FEW {
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
        // Nobody waits for that one; the next is dropped as a call is that its caller gives up.
        let mut untold = turns.take(&connection, &ada).await;
        untold.may_write();
        drop(untold);
        let (began, ()) = tokio::join!(
            async {
                turns.take(&connection, &ada).await;
                clock.now()
            },
            async {
                clock.slept_on().await;
                clock.advance(UNTOLD);
            }
        );
        assert_eq!(began, UNTOLD);
    }
}
