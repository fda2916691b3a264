//! The circuit breaker of a connection: while its vendor does not answer, requests wait without spending attempts.

/// Failures in a row that open it.
const IN_A_ROW: usize = 5;
/// Of so many outcomes, more than half being failures opens it too.
const OF: usize = 20;
/// How long it stays open: long enough to spare a vendor that restarts, short enough to notice soon that it is back.
const OPEN_MS: i64 = 60_000;

/// How the last attempts ended, and until when there are none. Kept with the connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Breaker {
    /// Oldest first, `1` for one that the vendor answered, `0` for one that it did not; at most 20.
    pub outcomes: String,
    /// In milliseconds since 1970 in UTC.
    pub open_until: i64,
}

/// What a breaker lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Whatever is due.
    All,
    /// One attempt, to see whether the vendor is back.
    Probe,
    /// Nothing yet.
    None,
}

impl Breaker {
    /// What may be tried at `now`.
    pub fn admits(&self, now: i64) -> Admission {
        if now < self.open_until {
            Admission::None
        } else if self.open_until > 0 {
            Admission::Probe
        } else {
            Admission::All
        }
    }

    /// An attempt ended at `now`, `answered` by the vendor or not.
    pub fn record(&mut self, answered: bool, now: i64) {
        if answered && self.open_until > 0 {
            *self = Self::default();
        }
        self.outcomes.push(if answered { '1' } else { '0' });
        let excess = self.outcomes.len().saturating_sub(OF);
        self.outcomes.drain(..excess);
        if self.is_broken() {
            self.open_until = now.saturating_add(OPEN_MS);
        }
    }

    fn is_broken(&self) -> bool {
        let row = self.outcomes.chars().rev().take_while(|outcome| *outcome == '0').count();
        let failures = self.outcomes.matches('0').count();
        row >= IN_A_ROW || self.outcomes.len() == OF && failures * 2 > OF
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(outcomes: &str) -> Breaker {
        let mut breaker = Breaker::default();
        for outcome in outcomes.chars() {
            breaker.record(outcome == '1', 0);
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
        breaker.record(false, OPEN_MS);
        assert_eq!(breaker.admits(OPEN_MS), Admission::None);
        assert_eq!(breaker.admits(2 * OPEN_MS), Admission::Probe);
        breaker.record(true, 2 * OPEN_MS);
        assert_eq!(breaker, Breaker { outcomes: "1".into(), open_until: 0 });
    }
}
