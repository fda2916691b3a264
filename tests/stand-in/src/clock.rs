//! The clock behind every delay, limit and timestamp of the stand-in.

use std::sync::Arc;
use std::time::Duration;

use jiff::fmt::rfc2822::DateTimePrinter;
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use tokio::sync::watch;

/// A clock that can be moved forward and stopped. It follows real time unless it is frozen. Clones share one clock.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    state: Mutex<State>,
    moved: watch::Sender<()>,
}

#[derive(Debug)]
enum State {
    /// Real time plus the amount advanced.
    Running(SignedDuration),
    Frozen(Timestamp),
}

impl Clock {
    /// Creates a clock that follows real time.
    pub(crate) fn new() -> Self {
        let (moved, _) = watch::channel(());
        Self(Arc::new(Inner { state: Mutex::new(State::Running(SignedDuration::ZERO)), moved }))
    }

    /// Returns the stand-in's current time.
    pub fn now(&self) -> Timestamp {
        match *self.0.state.lock() {
            State::Running(ahead) => later(Timestamp::now(), ahead),
            State::Frozen(at) => at,
        }
    }

    /// Moves the clock forward. Everything that is due by then takes effect.
    pub fn advance(&self, by: Duration) {
        let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
        match &mut *self.0.state.lock() {
            State::Running(ahead) => *ahead = ahead.saturating_add(by),
            State::Frozen(at) => *at = later(*at, by),
        }
        self.0.moved.send_replace(());
    }

    /// Stops the clock at its current time. From then on only [`Clock::advance`] moves it.
    pub fn freeze(&self) {
        let now = self.now();
        self.freeze_at(now);
    }

    /// Stops the clock at a given time. Move it backwards only on a stand-in that has not been used yet.
    pub fn freeze_at(&self, at: Timestamp) {
        *self.0.state.lock() = State::Frozen(at);
        self.0.moved.send_replace(());
    }

    /// Resumes the clock from its current time.
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

/// Returns `at` plus `by`, at most [`Timestamp::MAX`].
pub(crate) fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}

/// Formats a time as Iterable does: UTC, whole seconds.
pub(crate) fn written(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S +00:00").to_string()
}

/// Formats a time for an HTTP header.
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
    async fn a_waiter_on_a_frozen_clock_wakes_when_it_is_moved() {
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
