//! The host's clock. Limits and waits use it, so that tests can skip a day without waiting.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use futures::future::BoxFuture;
use host_model::time::milliseconds;
use parking_lot::Mutex;
use tokio::{sync::watch, time::Instant};

/// A clock.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Returns the time since the clock started. Monotonic.
    fn now(&self) -> Duration;
    /// Returns the current date and time.
    fn date(&self) -> SystemTime;
    /// Completes when [`now`](Self::now) reaches `then`.
    fn sleep_until(&self, then: Duration) -> BoxFuture<'_, ()>;

    /// Sets the date, which is off by `max_error` at most and goes on from there: replicas follow the clock of their database.
    /// A clock that a test moves keeps its own.
    fn set_date(&self, _date: SystemTime, _max_error: Duration) {}

    /// Returns by how much the date that was set may be off. Zero for a clock that was not set.
    fn max_error(&self) -> Duration {
        Duration::ZERO
    }

    /// Returns the date in milliseconds since 1970 in UTC.
    fn date_ms(&self) -> i64 {
        milliseconds(self.date())
    }
}

/// The system clock.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
    /// `None` while the date is the system's.
    set: Mutex<Option<SetDate>>,
}

/// A date that was set.
#[derive(Clone, Copy, Debug)]
struct SetDate {
    date: SystemTime,
    at: Instant,
    max_error: Duration,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { started: Instant::now(), set: Mutex::default() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn date(&self) -> SystemTime {
        self.set.lock().map_or_else(SystemTime::now, |set| set.date + set.at.elapsed())
    }

    fn set_date(&self, date: SystemTime, max_error: Duration) {
        *self.set.lock() = Some(SetDate { date, at: Instant::now(), max_error });
    }

    fn max_error(&self) -> Duration {
        self.set.lock().map_or(Duration::ZERO, |set| set.max_error)
    }

    fn sleep_until(&self, then: Duration) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep_until(self.started + then))
    }
}

/// A clock that only moves when it is advanced. It starts at noon on 1 July 2026 in UTC, so that anything that depends
/// on the hour of the day is the same in every run.
#[derive(Debug)]
pub struct ManualClock {
    began: SystemTime,
    elapsed: watch::Sender<Duration>,
}

impl Default for ManualClock {
    fn default() -> Self {
        let began = SystemTime::UNIX_EPOCH + Duration::from_hours(495_252);
        Self { began, elapsed: watch::Sender::default() }
    }
}

impl ManualClock {
    /// Advances the clock and wakes the sleepers whose time has come.
    pub fn advance(&self, by: Duration) {
        self.elapsed.send_modify(|elapsed| *elapsed += by);
    }

    /// Returns whether a task sleeps on this clock. Tests wait for this before they advance it.
    pub fn is_slept_on(&self) -> bool {
        self.sleepers() > 0
    }

    /// Returns how many tasks sleep on this clock.
    pub fn sleepers(&self) -> usize {
        self.elapsed.receiver_count()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Duration {
        *self.elapsed.borrow()
    }

    fn date(&self) -> SystemTime {
        self.began + self.now()
    }

    fn sleep_until(&self, then: Duration) -> BoxFuture<'_, ()> {
        let mut elapsed = self.elapsed.subscribe();
        Box::pin(async move {
            // Fails only if the clock has been dropped, and with it everything that could wait on it.
            let _gone = elapsed.wait_for(|elapsed| *elapsed >= then).await;
        })
    }
}
