//! How long a step lasts.

use serde::{Deserialize, Serialize};

use crate::time::DAY_MS;

/// How long a step lasts at least and at most, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct StepTimes {
    /// A good verdict ends a step no sooner. Default: 10 minutes. Under load, there are enough calls within seconds; what
    /// builds up, such as a vendor's limits, takes longer to be seen.
    pub minimum_ms: i64,
    /// After this time without a verdict, the release is paused. Default: a day, so that each hour's calls were seen.
    pub maximum_ms: i64,
}

impl Default for StepTimes {
    fn default() -> Self {
        Self { minimum_ms: 10 * 60 * 1_000, maximum_ms: DAY_MS }
    }
}

/// The times are not in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a step of {minimum_ms} to {maximum_ms} ms, expected a minimum of at least 0 that is not above the maximum"
)]
pub struct TimesOutOfOrder {
    minimum_ms: i64,
    maximum_ms: i64,
}

impl StepTimes {
    /// Checks that the times are in order.
    pub fn check(self) -> Result<(), TimesOutOfOrder> {
        let Self { minimum_ms, maximum_ms } = self;
        if (0..=maximum_ms).contains(&minimum_ms) {
            Ok(())
        } else {
            Err(TimesOutOfOrder { minimum_ms, maximum_ms })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_minimum_is_not_above_the_maximum() {
        assert_eq!(StepTimes::default().check(), Ok(()));
        for (minimum_ms, maximum_ms) in [(-1, 5), (6, 5)] {
            let refused = StepTimes { minimum_ms, maximum_ms }.check();
            assert_eq!(refused, Err(TimesOutOfOrder { minimum_ms, maximum_ms }));
        }
    }
}
