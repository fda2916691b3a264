//! Simulates ninety days of tokens for many connections at once, each with a vendor that fails in its own ways, while
//! the process is killed at arbitrary points and the date jumps. No vendor's token may be refused at any instant.

use std::{
    sync::atomic::{AtomicI64, AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use fastrand::Rng;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{generation::digest, issue::record_seen, refresh::PushToken, settle::PushOutcome, *};
use host_harness::clock::ManualClock;
use host_model::{
    secret::Secret,
    time::{DAY_MS, HOUR_MS},
    token::MAX_LIVE_TOKENS,
};
use host_store::{
    testing::Folder,
    tokens::{self, AcceptableToken},
};

/// The maximum time after which a vendor does what it is asked.
const MAX_TROUBLE_MS: i64 = 8 * HOUR_MS;

const MINUTE_MS: i64 = 60_000;

/// A clock whose date is off by the sum of its jumps.
#[derive(Debug)]
struct Jumping {
    true_time: ManualClock,
    began_ms: i64,
    off_ms: AtomicI64,
}

impl Jumping {
    /// Creates a clock that starts at a different hour for each seed.
    fn beginning(seed: u64) -> Self {
        let began_ms = 1_790_000_000_000 + i64::try_from(seed).unwrap() * 7 * HOUR_MS;
        Self { true_time: ManualClock::default(), began_ms, off_ms: AtomicI64::new(0) }
    }

    fn true_date_ms(&self) -> i64 {
        self.began_ms + i64::try_from(self.now().as_millis()).unwrap()
    }

    fn off_ms(&self) -> i64 {
        self.off_ms.load(Ordering::Relaxed)
    }
}

impl Clock for Jumping {
    fn now(&self) -> Duration {
        self.true_time.now()
    }

    fn date(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis((self.true_date_ms() + self.off_ms()).unsigned_abs())
    }

    fn sleep_until(&self, then: Duration) -> BoxFuture<'_, ()> {
        self.true_time.sleep_until(then)
    }
}

/// A vendor with its tokens, each with the time at which its senders switch to it.
struct Vendor {
    seed: u64,
    dice: Rng,
    tokens: Vec<(i64, [u8; 32])>,
    down_until: i64,
    /// Since when it has not accepted a token that it was asked to accept.
    troubled_since: Option<i64>,
    taken: usize,
}

/// The result of a call to the vendor.
enum Act {
    Answer(PushOutcome),
    /// The process is killed during the call.
    Killed,
}

impl Vendor {
    fn with_first(seed: u64, token: &Secret) -> Self {
        Self {
            seed,
            dice: Rng::with_seed(1 << 32 | seed),
            tokens: vec![(i64::MIN, digest(token))],
            down_until: 0,
            troubled_since: None,
            taken: 0,
        }
    }

    /// Returns the token that deliveries carry at `time`.
    fn carried(&self, time: i64) -> [u8; 32] {
        self.tokens.iter().rev().find(|(since, _)| *since <= time).unwrap().1
    }

    /// Returns the times, after `since` and until `time`, at which the carried token or the accepted tokens of `known`
    /// change, while the date is off by `off`. Nothing changes between two of these times, and both sides act only at
    /// a check.
    fn changes(&self, known: &[AcceptableToken], (since, time): (i64, i64), off: i64) -> Vec<i64> {
        let switches = self.tokens.iter().map(|(at, _)| *at).filter(|at| since < *at && *at <= time);
        let ends = known.iter().filter_map(|known| {
            let is_accepted = |at: i64| known.token.is_accepted(at + off);
            let (mut last, mut over) = (since, time);
            if !is_accepted(last) || is_accepted(over) {
                return None;
            }
            while over - last > 1 {
                let between = i64::midpoint(last, over);
                *(if is_accepted(between) { &mut last } else { &mut over }) = between;
            }
            Some(over)
        });
        switches.chain(ends).collect()
    }

    /// Returns the token that its deliveries carry at `time`. Panics if the host does not accept it then, by a date
    /// that is off by `off`.
    fn sends<'k>(&self, known: &'k [AcceptableToken], time: i64, off: i64) -> &'k AcceptableToken {
        let accepted = known.iter().filter(|known| known.token.is_accepted(time + off));
        let (seed, carried) = (self.seed, self.carried(time));
        assert!(accepted.clone().count() <= MAX_LIVE_TOKENS, "vendor {seed}: {known:?}");
        let found = accepted.into_iter().find(|known| known.digest == carried);
        found.unwrap_or_else(|| panic!("vendor {seed}, {time}, off by {off}: {known:?}"))
    }

    fn take(&mut self, token: &Secret, time: i64) {
        if self.tokens.last().unwrap().1 != digest(token) {
            self.taken += 1;
            // Within a few minutes, and sometimes only hours later.
            let slow = if self.dice.u8(..4) == 0 { 20 * HOUR_MS } else { 10 * MINUTE_MS };
            let since = time + self.dice.i64(0..slow);
            self.tokens.push((since, digest(token)));
        }
    }

    fn asked_to_take(&mut self, token: &Secret, time: i64) -> Act {
        let failed = |asked: Option<u64>| PushOutcome::Failed {
            reason: "status 503".to_owned(),
            asked: asked.map(Duration::from_secs),
        };
        // In total shorter than the shortest window, because covering such failures is what a window is for.
        let since = *self.troubled_since.get_or_insert(time);
        let act = if time >= since + MAX_TROUBLE_MS { 199 } else { self.dice.u8(..200) };
        if time < self.down_until {
            return Act::Answer(failed(None));
        }
        match act {
            0..20 => Act::Answer(failed(Some(self.dice.u64(..40 * 3_600)))),
            20..40 => {
                self.down_until = self.dice.i64(time..since + MAX_TROUBLE_MS);
                Act::Answer(failed(None))
            }
            40..60 => {
                self.take(token, time);
                Act::Answer(failed(None))
            }
            60 => Act::Killed,
            61 => {
                self.take(token, time);
                Act::Killed
            }
            _ => {
                self.take(token, time);
                self.troubled_since = None;
                Act::Answer(PushOutcome::Taken)
            }
        }
    }
}

struct World {
    tokens: Tokens,
    clock: Arc<Jumping>,
    vendors: Arc<Mutex<Vec<Vendor>>>,
    dice: Rng,
    was_up: bool,
    /// The time of the last check, and how far the date has been off since.
    looked: (i64, i64),
    _folder: Folder,
}

impl World {
    async fn new(seed: u64, vendors: usize, (lifetime_days, window_days): Life) -> Self {
        let day = Duration::from_hours(24);
        let folder = Folder::in_memory();
        let clock = Arc::new(Jumping::beginning(seed));
        let (store, with_clock) = (folder.store().await, Arc::clone(&clock) as _);
        let tokens = Tokens::lasting(store, with_clock, day * lifetime_days, day * window_days);
        let mut all = Vec::new();
        for at in 0..vendors {
            let first = tokens.issue("acme", &name(at)).await.unwrap().token;
            all.push(Vendor::with_first(seed * (vendors as u64) + at as u64, &first));
        }
        Self {
            tokens,
            looked: (clock.true_date_ms(), 0),
            clock,
            vendors: Arc::new(Mutex::new(all)),
            dice: Rng::with_seed(seed),
            was_up: true,
            _folder: folder,
        }
    }

    fn true_time(&self) -> i64 {
        self.clock.true_date_ms()
    }

    /// Runs a pass of the schedule, which is aborted if a vendor's act kills the process.
    async fn pass(&self) {
        let killed = Arc::new(Notify::new());
        let (vendors, clock, kill) =
            (Arc::clone(&self.vendors), Arc::clone(&self.clock), Arc::clone(&killed));
        let hand: Box<PushToken> = Box::new(move |connection, token| {
            let time = clock.true_date_ms();
            let act = vendors.lock()[number(&connection)].asked_to_take(&token, time);
            let kill = Arc::clone(&kill);
            Box::pin(async move {
                match act {
                    Act::Answer(pushed) => pushed,
                    Act::Killed => {
                        kill.notify_one();
                        std::future::pending().await
                    }
                }
            })
        });
        tokio::select! {
            biased;
            () = killed.notified() => {}
            done = self.tokens.pass(&*hand) => done.unwrap(),
        }
    }

    /// Checks that every vendor's token is accepted now and at every instant since the last check, because vendors
    /// send all the time. Some deliveries are recorded.
    async fn deliver(&mut self) {
        let (time, off, now) = (self.true_time(), self.clock.off_ms(), self.tokens.now());
        let (since, off_since) = std::mem::replace(&mut self.looked, (time, off));
        let vault = self.tokens.store.vault().clone();
        let read = self.tokens.store.read(|c| Box::pin(async move { tokens::all_live(c, &vault).await }));
        let all = read.await.unwrap();
        let mut noticed = Vec::new();
        {
            let vendors = self.vendors.lock();
            assert_eq!(all.len(), vendors.len());
            for of in all {
                let vendor = &vendors[number(&of.connection)];
                for instant in vendor.changes(&of.tokens, (since, time), off_since) {
                    vendor.sends(&of.tokens, instant, off_since);
                }
                // If the date jumps, it does so now.
                vendor.sends(&of.tokens, time, off_since);
                let carried = vendor.sends(&of.tokens, time, off);
                if self.dice.u8(..50) == 0 {
                    noticed.push((of.connection.clone(), carried.token.clone()));
                }
            }
        }
        if noticed.is_empty() {
            return;
        }
        let vault = self.tokens.store.vault().clone();
        let write = self.tokens.store.write(move |tx| {
            Box::pin(async move {
                for (connection, carried) in noticed {
                    record_seen(tx, &vault, "acme", &connection, &carried, now).await?;
                }
                Ok(())
            })
        });
        write.await.unwrap();
    }

    /// Advances the time, and sometimes makes the date jump. Returns whether the process is up then.
    fn pass_time(&mut self) -> bool {
        let most = [10, 60, 120, 120][self.dice.usize(..4)];
        self.clock.true_time.advance(Duration::from_mins(self.dice.u64(1..=most)));
        if self.dice.u8(..20) == 0 {
            let off = self.dice.i64(-2..=2);
            self.clock.off_ms.store(off * HOUR_MS, Ordering::Relaxed);
        }
        self.was_up = !self.was_up || self.dice.u8(..10) != 0;
        self.was_up
    }
}

/// The lifetime of a token and its window, in days.
type Life = (u32, u32);

fn name(at: usize) -> String {
    format!("c-{at}")
}

fn number(connection: &str) -> usize {
    connection.trim_start_matches("c-").parse().unwrap()
}

/// Runs a world for ninety days. Returns how many tokens its vendors accepted.
async fn ninety_days(seed: u64, vendors: usize, life: Life) -> usize {
    let mut world = World::new(seed, vendors, life).await;
    let end = world.true_time() + 90 * DAY_MS;
    while world.true_time() < end {
        let is_up = world.pass_time();
        world.deliver().await;
        if is_up {
            world.pass().await;
            world.deliver().await;
        }
    }
    let vendors = world.vendors.lock();
    for vendor in vendors.iter() {
        assert!(vendor.taken > 0, "vendor {} never got a new one", vendor.seed);
    }
    vendors.iter().map(|vendor| vendor.taken).sum()
}

/// Runs `worlds` worlds with `vendors` vendors for each of `lives`, in parallel on all cores. Each vendor has its own
/// seed. Returns the number of vendors.
fn live(lives: &[Life], worlds: usize, vendors: usize) -> usize {
    let seeds = AtomicU64::new(0);
    let every: Vec<Life> = lives.iter().copied().cycle().take(lives.len() * worlds).collect();
    let next = || {
        let seed = seeds.fetch_add(1, Ordering::Relaxed);
        every.get(usize::try_from(seed).unwrap()).map(|life| (seed, *life))
    };
    let some = || {
        while let Some((seed, life)) = next() {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let taken = runtime.block_on(ninety_days(seed, vendors, life));
            let least = usize::try_from(90 / life.0).unwrap().max(1);
            assert!(taken >= least * vendors, "world {seed}, {life:?}: {taken}");
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(some);
        }
    });
    every.len() * vendors
}

#[test]
fn for_ninety_days_no_minute_is_without_a_token_that_both_sides_accept() {
    assert_eq!(live(&[(90, 7), (2, 1)], 1, 20), 40);
}

#[test]
#[ignore = "a thousand seeds take some minutes"]
fn for_a_thousand_seeds_no_minute_is_without_a_token_that_both_sides_accept() {
    let lives = [(90, 7), (90, 1), (30, 7), (10, 7), (8, 7), (5, 1), (4, 3), (3, 1), (2, 1), (60, 20)];
    assert_eq!(live(&lives, 5, 20), 1_000);
}
