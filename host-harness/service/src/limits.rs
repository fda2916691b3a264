//! The vendor's long-term limits, counted in the database, so that they survive restarts and are shared by replicas.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;

use host_harness::{
    clock::Clock,
    egress::{Ledger, LimitReached, NotEntered, OnRequestEnd},
};
use host_model::{
    contract::manifest::Limit,
    time::{millis_u64, milliseconds},
};
use host_store::{
    Keys, PersonKey, Store, StoreError,
    limits::{self, LimitUsage, NotCounted},
};

/// Represents the host itself among the tenants, whose names are never empty.
const THE_HOST: &str = "";

/// How much longer a period is counted if other replicas count too: their clocks follow the database's within half of this. A
/// replica whose own may be off by more, on a slow route, dates its requests later by the rest, and those of others earlier.
const CLOCK_MARGIN: Duration = Duration::from_millis(50);

/// Returns the keys with which the host hashes and seals what belongs to no tenant.
pub(crate) async fn host_keys(store: &Store) -> Result<Keys, StoreError> {
    store.keys(THE_HOST).await
}

/// Counts requests in the database.
pub(crate) struct StoredLedger {
    store: Store,
    clock: Arc<dyn Clock>,
    /// The key that hashes the name of a vendor account.
    key: Arc<PersonKey>,
}

impl StoredLedger {
    /// Creates a ledger that counts in `store`, by `clock`.
    pub(crate) async fn new(store: Store, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let key = host_keys(&store).await?.person;
        Ok(Self { store, clock, key })
    }

    /// Returns how much is used of each limit of a vendor account, in the order given.
    pub(crate) async fn usage(&self, limits: Vec<([u8; 32], Limit)>) -> Result<Vec<LimitUsage>, StoreError> {
        let (key, now) = (Arc::clone(&self.key), milliseconds(self.clock.date()));
        let usage = self.store.read(move |c| {
            Box::pin(async move {
                let mut usage = Vec::new();
                for (account, limit) in limits {
                    usage.push(limits::usage(c, &key.digest(&account), &limit, now).await?);
                }
                Ok(usage)
            })
        });
        usage.await
    }

    /// Returns `limits` with periods that are exact by each replica's clock.
    fn counted(&self, limits: &[Limit]) -> Vec<Limit> {
        let margin = millis_u64(self.margin());
        let counted = |limit: &Limit| Limit {
            period_ms: limit.period_ms.map(|period| period.saturating_add(margin)),
            ..limit.clone()
        };
        limits.iter().map(counted).collect()
    }

    fn margin(&self) -> Duration {
        if self.store.is_shared() { CLOCK_MARGIN } else { Duration::ZERO }
    }

    /// Returns by how much this replica's clock may be off beyond what the margin covers.
    fn doubt(&self) -> Duration {
        self.clock.max_error().saturating_sub(self.margin() / 2)
    }

    /// Moves the counted requests to the time when they ended.
    fn leave(&self, entries: Vec<i64>) -> OnRequestEnd {
        let (store, clock, doubt) = (self.store.clone(), Arc::clone(&self.clock), self.doubt());
        Box::new(move || {
            let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
            runtime.spawn(async move {
                let at = milliseconds(clock.date() + doubt);
                let moved =
                    store.write(move |tx| Box::pin(async move { limits::end(tx, &entries, at).await }));
                if let Err(error) = moved.await {
                    tracing::warn!(%error, "end of a request not stored: it counts longer than it should");
                }
            });
        })
    }
}

impl Ledger for StoredLedger {
    fn is_shared(&self) -> bool {
        self.store.is_shared()
    }

    fn enter<'a>(
        &'a self,
        account: [u8; 32],
        limits: &'a [Limit],
        ends_within: Duration,
    ) -> BoxFuture<'a, Result<OnRequestEnd, NotEntered>> {
        let account = self.key.digest(&account);
        let limits = self.counted(limits);
        let doubt = self.doubt();
        let (now, ends_within) = (milliseconds(self.clock.date() - doubt), ends_within + 2 * doubt);
        Box::pin(async move {
            let entered = self
                .store
                .try_write(move |tx| {
                    Box::pin(async move { limits::enter(tx, &account, &limits, now, ends_within).await })
                })
                .await;
            match entered {
                Ok(entries) => Ok(self.leave(entries)),
                Err(NotCounted::Full(wait)) => {
                    Err(NotEntered::Full(LimitReached { for_another: Some(wait) }))
                }
                Err(NotCounted::Store(error)) => {
                    tracing::error!(%error, "counting against the vendor's limits failed");
                    Err(NotEntered::Unreachable("the host's database did not answer".to_owned()))
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use test_support::eventually;

    use super::*;
    use host_harness::clock::ManualClock;
    use host_model::time::millis;
    use host_store::testing::Folder;

    const DAY: Duration = Duration::from_hours(24);
    const A_MOMENT: Duration = Duration::from_millis(1);

    fn limit(name: &str, requests: u32, period: Duration) -> Limit {
        let period_ms = Some(u64::try_from(period.as_millis()).unwrap());
        Limit { name: name.into(), requests, period_ms }
    }

    /// Returns how much longer a period is counted on this database.
    fn margin(folder: &Folder) -> Duration {
        if folder.is_on_server() { CLOCK_MARGIN } else { Duration::ZERO }
    }

    async fn ledger(folder: &Folder, clock: &Arc<ManualClock>) -> StoredLedger {
        StoredLedger::new(folder.store().await, Arc::clone(clock) as _).await.unwrap()
    }

    /// Returns how long the ledger asks to wait, or `None` if it allowed the request.
    async fn wait(ledger: &StoredLedger, account: u8, limits: &[Limit]) -> Option<Duration> {
        match ledger.enter([account; 32], limits, Duration::from_secs(30)).await {
            Ok(_) => None,
            Err(NotEntered::Full(full)) => full.for_another,
            Err(NotEntered::Unreachable(why)) => panic!("{why}"),
        }
    }

    #[tokio::test]
    async fn no_window_has_more_than_the_limit_and_a_restart_forgets_none() {
        let folder = Folder::new();
        let clock = Arc::new(ManualClock::default());
        let limits = [limit("daily", 2, DAY)];
        let first = ledger(&folder, &clock).await;
        assert_eq!(wait(&first, 1, &limits).await, None);
        clock.advance(Duration::from_hours(1));
        assert_eq!(wait(&first, 1, &limits).await, None);
        // The end of the first request was not reported, so it counts from its latest possible end.
        let until = Duration::from_hours(23) + Duration::from_secs(30) + A_MOMENT + margin(&folder);
        assert_eq!(wait(&first, 1, &limits).await, Some(until));
        assert_eq!(wait(&first, 2, &limits).await, None, "another account");
        first.store.close().await;
        let second = ledger(&folder, &clock).await;
        assert_eq!(wait(&second, 1, &limits).await, Some(until));
        clock.advance(until.saturating_sub(A_MOMENT));
        assert_eq!(wait(&second, 1, &limits).await, Some(Duration::from_millis(1)));
        clock.advance(Duration::from_millis(1));
        assert_eq!(wait(&second, 1, &limits).await, None);
    }

    #[tokio::test]
    async fn what_is_used_is_counted_for_each_account_and_a_full_limit_says_when_it_has_room() {
        let folder = Folder::new();
        let clock = Arc::new(ManualClock::default());
        let ledger = ledger(&folder, &clock).await;
        let daily = limit("daily", 2, DAY);
        let usage = async || {
            let [first, other] = [1, 2].map(|account| ([account; 32], daily.clone()));
            ledger.usage(vec![first, other]).await.unwrap()
        };
        let unused = LimitUsage { used: 0, room_at: None, resets_at: None };
        assert_eq!(usage().await, [unused, unused]);
        let ends = |sent_at: i64| sent_at + 30_000 + millis(DAY) + 1;
        let began = clock.date_ms();
        assert_eq!(wait(&ledger, 1, std::slice::from_ref(&daily)).await, None);
        assert_eq!(usage().await[0], LimitUsage { used: 1, room_at: None, resets_at: Some(ends(began)) });
        clock.advance(Duration::from_hours(1));
        assert_eq!(wait(&ledger, 1, std::slice::from_ref(&daily)).await, None);
        let full =
            LimitUsage { used: 2, room_at: Some(ends(began)), resets_at: Some(ends(began + 3_600_000)) };
        assert_eq!(usage().await, [full, unused]);
        clock.advance(Duration::from_hours(26));
        assert_eq!(usage().await, [unused, unused]);
    }

    #[tokio::test]
    async fn entries_that_count_no_more_are_deleted_by_and_by() {
        let (folder, clock) = (Folder::new(), Arc::new(ManualClock::default()));
        let ledger = ledger(&folder, &clock).await;
        let often = [limit("often", 5, Duration::from_secs(1))];
        let mut kept: i64 = 0;
        // Each is deleted by one of those that follow it, with a chance of 1 to 32.
        for _ in 0..400 {
            clock.advance(Duration::from_mins(1));
            assert_eq!(wait(&ledger, 1, &often).await, None);
            let count = ledger.store.read(|c| {
                Box::pin(
                    async move { Ok(sqlx::query_scalar("SELECT COUNT(*) FROM sends").fetch_one(c).await?) },
                )
            });
            let count: i64 = count.await.unwrap();
            kept = kept.max(count);
            if count < kept {
                return;
            }
        }
        panic!("{kept} entries");
    }

    #[tokio::test]
    async fn a_request_is_counted_in_all_limits_or_in_none() {
        let folder = Folder::new();
        let clock = Arc::new(ManualClock::default());
        let ledger = ledger(&folder, &clock).await;
        let (hourly, daily) = (limit("hourly", 1, Duration::from_hours(1)), limit("daily", 5, DAY));
        assert_eq!(wait(&ledger, 1, std::slice::from_ref(&hourly)).await, None);
        assert!(wait(&ledger, 1, &[hourly, daily.clone()]).await.is_some());
        for _ in 0..5 {
            assert_eq!(wait(&ledger, 1, std::slice::from_ref(&daily)).await, None);
        }
        assert!(wait(&ledger, 1, &[daily]).await.is_some());
    }

    #[tokio::test]
    async fn a_request_that_ended_counts_from_then() {
        let folder = Folder::new();
        let clock = Arc::new(ManualClock::default());
        let ledger = ledger(&folder, &clock).await;
        let limits = [limit("daily", 1, DAY)];
        let leave = ledger.enter([1; 32], &limits, Duration::from_secs(30)).await.unwrap();
        leave();
        // A task writes the end, so wait until the store shows it.
        let waits = async || wait(&ledger, 1, &limits).await;
        let ended = |wait: &Option<Duration>| *wait == Some(DAY + A_MOMENT + margin(&folder));
        eventually("the end of the request is stored", waits, ended).await;
    }

    /// A clock that is off, by as much as it says at most.
    #[derive(Debug)]
    struct WrongClock {
        right: Arc<ManualClock>,
        /// The date is this much later, less the error.
        later: Duration,
        max_error: Duration,
    }

    impl Clock for WrongClock {
        fn now(&self) -> Duration {
            self.right.now()
        }

        fn date(&self) -> SystemTime {
            self.right.date() + self.later - self.max_error
        }

        fn sleep_until(&self, then: Duration) -> BoxFuture<'_, ()> {
            self.right.sleep_until(then)
        }

        fn max_error(&self) -> Duration {
            self.max_error
        }
    }

    #[tokio::test]
    async fn replicas_whose_clocks_are_off_by_what_a_slow_route_allows_exceed_no_limit() {
        let folder = Folder::new();
        let (right, max_error) = (Arc::new(ManualClock::default()), Duration::from_millis(300));
        let store = folder.store().await;
        let off_by = async |later| {
            let clock = WrongClock { right: Arc::clone(&right), later, max_error };
            StoredLedger::new(store.clone(), Arc::new(clock)).await.unwrap()
        };
        let (behind, ahead) = (off_by(Duration::ZERO).await, off_by(2 * max_error).await);
        let second = Duration::from_secs(1);
        let limits = [limit("each second", 1, second)];
        let leave = behind.enter([1; 32], &limits, Duration::from_secs(30)).await.unwrap();
        leave();
        let waits = async || wait(&ahead, 1, &limits).await;
        let is_stored = |wait: &Option<Duration>| wait.is_some_and(|wait| wait < Duration::from_secs(5));
        eventually("the end of the request is stored", waits, is_stored).await;
        right.advance(second);
        assert!(wait(&ahead, 1, &limits).await.is_some(), "the vendor would see two within a second");
        right.advance(2 * max_error + 2 * A_MOMENT);
        right.advance(2 * max_error);
        assert_eq!(wait(&ahead, 1, &limits).await, None);
    }
}
