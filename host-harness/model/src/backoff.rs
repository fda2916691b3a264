//! How long to wait after consecutive failures.

use std::time::Duration;

/// Returns `first` doubled `doublings` times, but at most `longest`.
pub fn backoff(first: Duration, longest: Duration, doublings: u32) -> Duration {
    first.saturating_mul(2_u32.saturating_pow(doublings)).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_doubles_up_to_its_bound_and_never_overflows() {
        let wait = |doublings| backoff(Duration::from_secs(2), Duration::from_mins(1), doublings).as_secs();
        assert_eq!([0, 1, 2, 3, 4, 5].map(wait), [2, 4, 8, 16, 32, 60]);
        assert_eq!(wait(u32::MAX), 60);
    }
}
