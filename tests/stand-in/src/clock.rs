//! The time that every delay, limit and timestamp of the stand-in goes by.

use std::sync::Arc;
use std::time::Duration;

use jiff::fmt::rfc2822::DateTimePrinter;
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use tokio::sync::watch;

/// A clock that can be moved forward and stopped. It follows real time unless it is frozen. Clones are the same clock.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    state: Mutex<State>,
    moved: watch::Sender<()>,
}

#[derive(Debug)]
enum State {
    /// Real time plus what was advanced.
    Running(SignedDuration),
    Frozen(Timestamp),
}

impl Clock {
    /// A clock that follows real time.
    pub(crate) fn new() -> Self {
        let (moved, _) = watch::channel(());
        Self(Arc::new(Inner { state: Mutex::new(State::Running(SignedDuration::ZERO)), moved }))
    }

    /// What the stand-in takes for now.
    pub fn now(&self) -> Timestamp {
        match *self.0.state.lock() {
            State::Running(ahead) => later(Timestamp::now(), ahead),
            State::Frozen(at) => at,
        }
    }

    /// Moves the clock forward. What falls due by it, falls due.
    pub fn advance(&self, by: Duration) {
        let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
        match &mut *self.0.state.lock() {
            State::Running(ahead) => *ahead = ahead.saturating_add(by),
            State::Frozen(at) => *at = later(*at, by),
        }
        self.0.moved.send_replace(());
    }

    /// Stops the clock where it is; from here it moves by [`Clock::advance`] alone.
    pub fn freeze(&self) {
        let now = self.now();
        self.freeze_at(now);
    }

    /// Stops the clock at a given time. Going back is for a stand-in to which nothing has happened yet.
    pub fn freeze_at(&self, at: Timestamp) {
        *self.0.state.lock() = State::Frozen(at);
        self.0.moved.send_replace(());
    }

    /// Lets the clock run on from where it is.
    pub fn resume(&self) {
        let mut state = self.0.state.lock();
        if let State::Frozen(at) = *state {
            *state = State::Running(at.duration_since(Timestamp::now()));
        }
        drop(state);
        self.0.moved.send_replace(());
    }

    /// Returns once this clock shows `due` or later.
    pub(crate) async fn reaches(&self, due: Timestamp) {
        let mut moved = self.0.moved.subscribe();
        loop {
            moved.mark_unchanged();
            let left = due.duration_since(self.now());
            if !left.is_positive() {
                return;
            }
            let frozen = matches!(*self.0.state.lock(), State::Frozen(_));
            tokio::select! {
                () = tokio::time::sleep(left.unsigned_abs()), if !frozen => {}
                // The sender lives in this clock, so waiting cannot fail.
                _ = moved.changed() => {}
            }
        }
    }
}

/// `at` plus `by`, at most the last time there is.
pub(crate) fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}

/// A time as Iterable writes it: UTC, whole seconds.
pub(crate) fn written(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S +00:00").to_string()
}

/// A time as HTTP headers write it.
pub(crate) fn http_date(at: Timestamp) -> Option<String> {
    DateTimePrinter::new().timestamp_to_rfc9110_string(&at).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frozen_clock_moves_only_when_it_is_advanced() {
        let clock = Clock::new();
        clock.freeze_at("2026-01-02T03:04:05Z".parse().unwrap());
        assert_eq!(written(clock.now()), "2026-01-02 03:04:05 +00:00");
        clock.advance(Duration::from_mins(1));
        assert_eq!(written(clock.now()), "2026-01-02 03:05:05 +00:00");
    }

    #[test]
    fn a_running_clock_keeps_what_it_was_advanced() {
        let clock = Clock::new();
        clock.advance(Duration::from_hours(1));
        let ahead = clock.now().duration_since(Timestamp::now());
        assert!(ahead > SignedDuration::from_secs(3590), "{ahead:?}");
        clock.freeze();
        clock.resume();
        assert!(clock.now().duration_since(Timestamp::now()) > SignedDuration::from_secs(3590));
    }

    #[tokio::test]
    async fn whoever_waits_on_a_frozen_clock_wakes_when_it_is_moved() {
        let clock = Clock::new();
        clock.freeze();
        let due = later(clock.now(), SignedDuration::from_secs(600));
        let waiting = tokio::spawn({
            let clock = clock.clone();
            async move { clock.reaches(due).await }
        });
        clock.advance(Duration::from_secs(601));
        waiting.await.unwrap();
    }
}
