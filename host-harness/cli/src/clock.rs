//! A clock ahead of the machine's, so that tests skip days without waiting and without changing stored data.

use std::time::{Duration, SystemTime};

use futures::future::BoxFuture;
use host_harness::clock::{Clock, SystemClock};

/// The machine's clock, with a date that is ahead of the machine's.
#[derive(Debug)]
pub(crate) struct ClockAhead {
    machine: SystemClock,
    ahead: Duration,
}

impl ClockAhead {
    /// A clock that is `ahead` of the machine's.
    pub(crate) fn by(ahead: Duration) -> Self {
        Self { machine: SystemClock::default(), ahead }
    }
}

impl Clock for ClockAhead {
    fn now(&self) -> Duration {
        self.machine.now()
    }

    fn date(&self) -> SystemTime {
        self.machine.date() + self.ahead
    }

    fn set_date(&self, date: SystemTime, max_error: Duration) {
        self.machine.set_date(date, max_error);
    }

    fn max_error(&self) -> Duration {
        self.machine.max_error()
    }

    fn sleep_until(&self, then: Duration) -> BoxFuture<'_, ()> {
        self.machine.sleep_until(then)
    }
}
