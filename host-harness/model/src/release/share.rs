//! Shares of people and of connections, and who is in them.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::rate::parts_of_percent;
use crate::digest::Digest;

/// A share of the people or the connections, in basis points (hundredths of a percent), from 0 to 10,000. Stored as that
/// number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Share(u16);

const WHOLE: u16 = 10_000;

/// The number is not a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a share: expected basis points from 0 to {WHOLE}")]
pub struct NotAShare(pub u16);

/// The percentage is not a share.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{0} is not a share: expected a percentage from 0 to 100 with at most two decimals")]
pub struct NotPercent(pub f64);

impl TryFrom<u16> for Share {
    type Error = NotAShare;

    fn try_from(basis_points: u16) -> Result<Self, NotAShare> {
        if basis_points > WHOLE { Err(NotAShare(basis_points)) } else { Ok(Self(basis_points)) }
    }
}

impl From<Share> for u16 {
    fn from(share: Share) -> Self {
        share.0
    }
}

impl Share {
    /// No people.
    pub const NONE: Self = Self(0);
    /// Everybody.
    pub const WHOLE: Self = Self(WHOLE);

    /// Returns the share of `percent`.
    pub fn of_percent(percent: f64) -> Result<Self, NotPercent> {
        let points = parts_of_percent(percent, u32::from(WHOLE) / 100);
        points.and_then(|points| u16::try_from(points).ok()).map(Self).ok_or(NotPercent(percent))
    }

    /// Returns the share in percent.
    pub fn percent(self) -> f64 {
        f64::from(self.0) / 100.0
    }

    /// Returns whether the person with this number of the database is in the share of a release of `version`.
    ///
    /// A person in a share is in every greater one of the same version, so that a growing share moves a person once. The
    /// place of a person follows from the version's digest and the number alone, which never change: every replica finds
    /// the same, also after a restart. Another version picks other people.
    pub fn includes_person(self, version: Digest, person: i64) -> bool {
        let hash: [u8; 32] = Sha256::new()
            .chain_update(b"release-share/person\0")
            .chain_update(version.0)
            .chain_update(person.to_be_bytes())
            .finalize()
            .into();
        let [a, b, c, d, ..] = hash;
        // Scales 32 bits to the places 0 to 9,999; each has the same probability but for one in 400,000.
        (u64::from(u32::from_be_bytes([a, b, c, d])) * u64::from(WHOLE)) >> 32 < u64::from(self.0)
    }

    /// Returns whether `part` is at most this share of `all`.
    pub fn holds(self, part: u64, all: u64) -> bool {
        u128::from(part) * u128::from(WHOLE) <= u128::from(all) * u128::from(self.0)
    }
}

/// In percent, such as `5 %` and `0.25 %`.
impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", f64::from(self.0) / 100.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn members(share: Share, version: Digest) -> Vec<i64> {
        (1..=20_000).filter(|person| share.includes_person(version, *person)).collect()
    }

    proptest! {
        #![proptest_config(test_support::cases(256))]

        #[test]
        fn a_member_of_a_share_is_a_member_of_every_greater_one(
            version in any::<[u8; 32]>(), person in any::<i64>(), smaller in 0..=WHOLE, greater in 0..=WHOLE
        ) {
            let version = Digest(version);
            let (smaller, greater) = (Share(smaller.min(greater)), Share(smaller.max(greater)));
            prop_assert!(!smaller.includes_person(version, person) || greater.includes_person(version, person));
            prop_assert!(Share::WHOLE.includes_person(version, person));
            prop_assert!(!Share::NONE.includes_person(version, person));
        }
    }

    #[test]
    fn consecutive_person_numbers_are_spread_as_the_share_says_in_every_range() {
        for (share, version) in [(500, 1), (2_500, 2), (5_000, 3), (1, 4)] {
            let members = members(Share(share), Digest([version; 32]));
            let expected = f64::from(share) / f64::from(WHOLE);
            for (range, people) in [(1..=20_000, 20_000.0), (1..=2_000, 2_000.0), (10_001..=12_000, 2_000.0)]
            {
                let found = members.iter().filter(|person| range.contains(*person)).count();
                // Five standard deviations of a binomial distribution.
                let bound = 5.0 * f64::sqrt(people * expected * (1.0 - expected));
                let off = (f64::from(u32::try_from(found).unwrap()) - people * expected).abs();
                assert!(off <= bound, "{found} of {people} at {share}");
            }
        }
    }

    #[test]
    fn another_version_picks_other_people() {
        let first = members(Share(500), Digest([1; 32]));
        let second = members(Share(500), Digest([2; 32]));
        let both = second.iter().filter(|person| first.contains(person)).count();
        // Of 1,000 people, 5 % are expected in both; the standard deviation is 7.
        assert!((15..85).contains(&both), "{both}");
    }

    #[test]
    fn a_person_has_the_same_place_in_every_program_version() {
        // Written down when the rule was made: another rule would move people in the middle of a release.
        let members = members(Share(500), Digest([7; 32]));
        assert_eq!(members[..8], [16, 61, 88, 91, 96, 112, 119, 120]);
    }

    #[test]
    fn a_share_is_stored_as_basis_points_and_shown_in_percent() {
        assert_eq!(serde_json::to_string(&Share(25)).unwrap(), "25");
        assert_eq!(serde_json::from_str::<Share>("10000").unwrap(), Share::WHOLE);
        assert_eq!(Share::try_from(10_001), Err(NotAShare(10_001)));
        let refused = serde_json::from_str::<Share>("10001").unwrap_err().to_string();
        assert!(
            refused.starts_with("10001 is not a share: expected basis points from 0 to 10000"),
            "{refused}"
        );
        let shown = [Share(500), Share(25), Share::WHOLE, Share::NONE].map(|share| share.to_string());
        assert_eq!(shown, ["5 %", "0.25 %", "100 %", "0 %"]);
    }
}
