//! One person's calls at one vendor account, one after another, none before the vendor shows what the last one wrote.
//!
//! Two calls that read, merge and write whole lists would otherwise lose the first one's choices. Kept in memory: across
//! restarts and replicas, whoever stores requests has to keep the order.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use sha2::{Digest, Sha256};
use tokio::sync::OwnedMutexGuard;

use crate::{clock::Clock, connection::Connection, contract::Subject};

/// Past this many people, those who wait for nothing are forgotten.
const SWEEP: usize = 10_000;

/// When a person's next call may begin.
type Settled = Arc<tokio::sync::Mutex<Duration>>;

/// The turns of everybody. Lives as long as the process.
#[derive(Debug)]
pub struct Turns {
    clock: Arc<dyn Clock>,
    people: Mutex<HashMap<[u8; 32], Settled>>,
}

/// A person's turn; over when dropped.
pub(crate) struct Turn {
    clock: Arc<dyn Clock>,
    names: Vec<OwnedMutexGuard<Duration>>,
}

impl Turns {
    /// By `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, people: Mutex::default() }
    }

    /// The turn of `subject`, under every one of its identifiers; waits for the last one's to end and to settle.
    pub(crate) async fn take(&self, connection: &Connection, subject: &Subject) -> Turn {
        let mut keys: Vec<_> =
            subject.identifiers().iter().map(|i| key(connection, &i.kind, &i.value)).collect();
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
        Turn { clock: Arc::clone(&self.clock), names }
    }

    fn person(&self, key: [u8; 32]) -> Settled {
        let now = self.clock.now();
        let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        if people.len() >= SWEEP {
            people.retain(|_, settled| settled.try_lock().map_or(true, |settled| *settled > now));
        }
        Arc::clone(people.entry(key).or_default())
    }
}

impl Turn {
    /// The next turn begins no sooner than `wait` from now.
    pub(crate) fn settles_after(&mut self, wait: Duration) {
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
