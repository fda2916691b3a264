//! Time as the host sees it. Limits and waits go by it, so that tests can move a day without waiting for one.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use futures::future::BoxFuture;
use host_model::time::milliseconds;
use tokio::{sync::watch, time::Instant};

/// A clock.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Time since the clock began; never goes back.
    fn now(&self) -> Duration;
    /// The date.
    fn date(&self) -> SystemTime;
    /// Ends when [`now`](Self::now) has reached `then`.
    fn sleep_until(&self, then: Duration) -> BoxFuture<'_, ()>;

    /// The date in milliseconds since 1970 in UTC.
    fn date_ms(&self) -> i64 {
        milliseconds(self.date())
    }
}

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock(Instant);

impl Default for SystemClock {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn date(&self) -> SystemTime {
        SystemTime::now()
    }

    fn sleep_until(&self, then: Duration) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep_until(self.0 + then))
    }
}

/// A clock that stands still until it is moved. It begins at noon of 1 July 2026, in UTC: what goes by the hour of the day is
/// the same in every run.
#[derive(Debug)]
pub struct ManualClock {
    began: SystemTime,
    elapsed: watch::Sender<Duration>,
}

impl Default for ManualClock {
    fn default() -> Self {
        let began = SystemTime::UNIX_EPOCH + Duration::from_secs(1_782_907_200);
        Self { began, elapsed: watch::Sender::default() }
    }
}

impl ManualClock {
    /// Moves it on, and wakes whoever sleeps until then.
    pub fn advance(&self, by: Duration) {
        self.elapsed.send_modify(|elapsed| *elapsed += by);
    }

    /// Ends when somebody sleeps on this clock: what a test waits for before it moves it.
    pub async fn slept_on(&self) {
        while self.elapsed.receiver_count() == 0 {
            tokio::task::yield_now().await;
        }
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
            // Fails only once the clock is gone, and with it whoever could ask.
            let _gone = elapsed.wait_for(|elapsed| *elapsed >= then).await;
        })
    }
}
