//! The circuit breaker of a connection: while its vendor does not answer, requests wait without using up attempts.

/// Consecutive failures that open it.
const CONSECUTIVE_FAILURES: usize = 5;
/// Number of outcomes that are kept. It also opens if more than half of them are failures.
const WINDOW: usize = 20;
/// How long it stays open: long enough to spare a restarting vendor, short enough to notice quickly that it is back.
const OPEN_MS: i64 = 60_000;

/// The outcomes of the last attempts, and how long further attempts are blocked. Stored with the connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Breaker {
    /// The last 20 outcomes, oldest first: `1` if the vendor answered, `0` if not.
    pub outcomes: String,
    /// The end of the open state, in milliseconds since 1970 in UTC.
    pub open_until: i64,
}

/// Which attempts a breaker admits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Everything that is due.
    All,
    /// One attempt, to see whether the vendor is back.
    Probe,
    /// No attempts yet.
    None,
}

/// How the vendor reacted to an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// It answered.
    Answered,
    /// It did not answer, or is not available.
    Failed,
}

impl Breaker {
    /// Returns which attempts are admitted at `now`.
    pub fn admits(&self, now: i64) -> Admission {
        if now < self.open_until {
            Admission::None
        } else if self.open_until > 0 {
            Admission::Probe
        } else {
            Admission::All
        }
    }

    /// Records the vendor's reaction to an attempt that ended at `now`.
    pub fn record(&mut self, reaction: Reaction, now: i64) {
        let answered = reaction == Reaction::Answered;
        if answered && self.open_until > 0 {
            *self = Self::default();
        }
        self.outcomes.push(if answered { '1' } else { '0' });
        let excess = self.outcomes.len().saturating_sub(WINDOW);
        self.outcomes.drain(..excess);
        if self.is_broken() {
            self.open_until = now.saturating_add(OPEN_MS);
        }
    }

    fn is_broken(&self) -> bool {
        let row = self.outcomes.chars().rev().take_while(|outcome| *outcome == '0').count();
        let failures = self.outcomes.matches('0').count();
        row >= CONSECUTIVE_FAILURES || self.outcomes.len() == WINDOW && failures * 2 > WINDOW
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(outcomes: &str) -> Breaker {
        let mut breaker = Breaker::default();
        for outcome in outcomes.chars() {
            breaker.record(if outcome == '1' { Reaction::Answered } else { Reaction::Failed }, 0);
        }
        breaker
    }

    #[test]
    fn five_failures_in_a_row_open_it_and_four_do_not() {
        assert_eq!(after("10000").admits(0), Admission::All);
        assert_eq!(after("00000").admits(0), Admission::None);
        assert_eq!(after("00000").admits(OPEN_MS), Admission::Probe);
    }

    #[test]
    fn more_than_half_of_twenty_opens_it() {
        assert_eq!(after(&"01".repeat(10)).admits(0), Admission::All);
        let eleven_of_twenty = format!("00{}", "01".repeat(9));
        assert_eq!(after(&eleven_of_twenty).admits(0), Admission::None);
    }

    #[test]
    fn a_probe_that_is_answered_closes_it_and_one_that_is_not_opens_it_again() {
        let mut breaker = after("00000");
        breaker.record(Reaction::Failed, OPEN_MS);
        assert_eq!(breaker.admits(OPEN_MS), Admission::None);
        assert_eq!(breaker.admits(2 * OPEN_MS), Admission::Probe);
        breaker.record(Reaction::Answered, 2 * OPEN_MS);
        assert_eq!(breaker, Breaker { outcomes: "1".into(), open_until: 0 });
    }
}
