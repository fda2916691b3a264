//! Rates and the counts that they come from.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A rate in parts per million, from 0 to 1,000,000. Stored as that number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Rate(u32);

const ALL: u32 = 1_000_000;

/// The number is not a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a rate: expected parts per million from 0 to {ALL}")]
pub struct NotARate(pub u32);

impl TryFrom<u32> for Rate {
    type Error = NotARate;

    fn try_from(parts: u32) -> Result<Self, NotARate> {
        if parts > ALL { Err(NotARate(parts)) } else { Ok(Self(parts)) }
    }
}

impl From<Rate> for u32 {
    fn from(rate: Rate) -> Self {
        rate.0
    }
}

impl Rate {
    /// Never.
    pub const ZERO: Self = Self(0);
    /// Always.
    pub const ONE: Self = Self(ALL);

    /// Returns the rate of `permille` in a thousand, at most always.
    pub const fn permille(permille: u32) -> Self {
        if permille >= 1_000 { Self::ONE } else { Self(permille * 1_000) }
    }

    /// Returns the rate of `percent`; `None` if it is not from 0 to 100 or has more than four decimals.
    pub fn of_percent(percent: f64) -> Option<Self> {
        parts_of_percent(percent, ALL / 100).map(Self)
    }

    /// Returns the rate in percent.
    pub fn percent(self) -> f64 {
        f64::from(self.0) / f64::from(ALL / 100)
    }

    /// Returns the rate halfway to `greater`, rounded down.
    pub(super) fn halfway_to(self, greater: Self) -> Self {
        Self(u32::midpoint(self.0, greater.0))
    }

    /// Returns the sum, at most always.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0).min(ALL))
    }

    /// Returns the rate as a probability.
    pub fn probability(self) -> f64 {
        f64::from(self.0) / f64::from(ALL)
    }
}

/// Returns `percent` in parts, of which `per_percent` are one percent; `None` if it is not from 0 to 100, or no whole number of
/// parts.
pub(super) fn parts_of_percent(percent: f64, per_percent: u32) -> Option<u32> {
    let parts = (percent * f64::from(per_percent)).round();
    let is_whole = (percent * f64::from(per_percent) - parts).abs() < 1e-6;
    let is_in_range = (0.0..=f64::from(per_percent) * 100.0).contains(&parts);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a whole number from 0 to 1,000,000"
    )]
    let parts = (is_whole && is_in_range).then_some(parts as u32);
    parts
}

/// In percent, with two digits after the point, or four below 0.1 %: `2.05 %`, `0.0243 %`.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = if self.0 < 1_000 { self.0 } else { (self.0 + 50) / 100 * 100 };
        write!(f, "{} %", f64::from(shown) / 10_000.0)
    }
}

/// How many of several failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Tally {
    /// Those that failed.
    pub failed: u64,
    /// All of them.
    pub of: u64,
}

impl Tally {
    /// Returns the share that failed, rounded; `None` if there are none.
    pub fn rate(self) -> Option<Rate> {
        let (failed, of) = (u128::from(self.failed), u128::from(self.of));
        let parts = (failed * u128::from(ALL) + of / 2).checked_div(of)?;
        Some(Rate(u32::try_from(parts).unwrap_or(ALL).min(ALL)))
    }

    /// Returns whether more than `rate` of them failed.
    pub fn is_above(self, rate: Rate) -> bool {
        u128::from(self.failed) * u128::from(ALL) > u128::from(self.of) * u128::from(rate.0)
    }
}

/// A number with a comma between thousands.
pub(super) struct Grouped(pub(super) u64);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_shown_in_percent_and_stored_in_parts_per_million() {
        let shown = [0, 1, 243, 2_000, 20_500, 333_333, ALL].map(|parts| Rate(parts).to_string());
        assert_eq!(shown, ["0 %", "0.0001 %", "0.0243 %", "0.2 %", "2.05 %", "33.33 %", "100 %"]);
        assert_eq!(serde_json::to_string(&Rate::permille(2)).unwrap(), "2000");
        assert_eq!(Rate::try_from(1_000_001), Err(NotARate(1_000_001)));
        assert_eq!(Rate::permille(1_000), Rate::ONE);
    }

    #[test]
    fn a_percentage_is_a_rate_if_it_is_from_0_to_100_and_has_at_most_four_decimals() {
        for (percent, parts) in [(0.0, 0), (0.0001, 1), (0.1, 1_000), (2.05, 20_500), (100.0, ALL)] {
            assert_eq!(Rate::of_percent(percent), Some(Rate(parts)), "{percent}");
            assert!((Rate(parts).percent() - percent).abs() < 1e-9, "{percent}");
        }
        for percent in [-0.1, 100.000_1, 0.000_05, f64::NAN, f64::INFINITY] {
            assert_eq!(Rate::of_percent(percent), None, "{percent}");
        }
    }

    #[test]
    fn a_tally_has_a_rate_if_it_counts_something_and_is_compared_exactly() {
        assert_eq!(Tally { failed: 41, of: 2_000 }.rate(), Some(Rate(20_500)));
        assert_eq!(Tally::default().rate(), None);
        assert!(!Tally { failed: 1, of: 500 }.is_above(Rate::permille(2)));
        assert!(Tally { failed: 1, of: 499 }.is_above(Rate::permille(2)));
        assert!(Tally { failed: u64::MAX, of: u64::MAX }.is_above(Rate(999_999)));
    }

    #[test]
    fn thousands_are_separated() {
        let shown = [0, 999, 1_000, 38_000, 1_234_567].map(|number| Grouped(number).to_string());
        assert_eq!(shown, ["0", "999", "1,000", "38,000", "1,234,567"]);
    }
}
