//! What follows for a version that was replaced while calls still run on it.

/// The default time within which the calls on a retired version end, in milliseconds: five times the two minutes that a
/// call may take by default.
pub const DRAIN_MS: i64 = 10 * 60 * 1_000;

/// How far a retired version is drained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drain {
    /// No call runs on it any more.
    Drained,
    /// Calls still run on it.
    Draining,
    /// Calls still run on it after the deadline. This raises an alarm. The calls are not ended unless an operator asks for
    /// it, since a request that was cut off may have changed something at the vendor.
    Overdue,
}

impl Drain {
    /// Returns how far a version is drained at `now_ms` on which `calls` run, and which was retired at `retired_ms` and has
    /// `drain_ms` to end them.
    pub fn of(calls: u64, retired_ms: i64, drain_ms: i64, now_ms: i64) -> Self {
        if calls == 0 {
            Self::Drained
        } else if now_ms.saturating_sub(retired_ms) < drain_ms {
            Self::Draining
        } else {
            Self::Overdue
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_overdue_from_its_deadline_until_its_last_call_has_ended() {
        assert_eq!(Drain::of(1, 5, DRAIN_MS, 5), Drain::Draining);
        assert_eq!(Drain::of(1, 5, DRAIN_MS, 4 + DRAIN_MS), Drain::Draining);
        assert_eq!(Drain::of(1, 5, DRAIN_MS, 5 + DRAIN_MS), Drain::Overdue);
        assert_eq!(Drain::of(0, 5, DRAIN_MS, 5 + DRAIN_MS), Drain::Drained);
        assert_eq!(Drain::of(1, i64::MIN, DRAIN_MS, i64::MAX), Drain::Overdue);
    }
}
