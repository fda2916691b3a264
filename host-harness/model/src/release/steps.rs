//! The steps of a release.

use serde::{Deserialize, Serialize};

use super::share::Share;

/// The maximum number of steps: each has to collect its own calls, so more of them would take longer than a month.
pub const MAX_STEPS: usize = 10;

/// The shares of a release, growing up to the whole. Stored as a list of basis points.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Share>", into = "Vec<Share>")]
pub struct ReleaseSteps(Vec<Share>);

/// The shares are not the steps of a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSteps {
    /// There is none, or too many.
    #[error("{0} steps, expected 1 to {MAX_STEPS}")]
    Number(usize),
    /// A step is not greater than the one before.
    #[error("the step {0} is not greater than the one before")]
    NotGrowing(Share),
    /// The last step is not the whole.
    #[error("the last step is {0}, expected 100 %")]
    NotWhole(Share),
}

impl Default for ReleaseSteps {
    /// 5 %: few people if the version is bad. 25 %: enough calls for a rarer fault. 100 %: of this step, a quarter is known.
    fn default() -> Self {
        Self([500, 2_500].into_iter().flat_map(Share::try_from).chain([Share::WHOLE]).collect())
    }
}

impl TryFrom<Vec<Share>> for ReleaseSteps {
    type Error = NotSteps;

    fn try_from(shares: Vec<Share>) -> Result<Self, NotSteps> {
        let Some(last) = shares.last().copied().filter(|_| shares.len() <= MAX_STEPS) else {
            return Err(NotSteps::Number(shares.len()));
        };
        let mut before = Share::NONE;
        for share in &shares {
            if *share <= before {
                return Err(NotSteps::NotGrowing(*share));
            }
            before = *share;
        }
        if last == Share::WHOLE { Ok(Self(shares)) } else { Err(NotSteps::NotWhole(last)) }
    }
}

impl From<ReleaseSteps> for Vec<Share> {
    fn from(ReleaseSteps(shares): ReleaseSteps) -> Self {
        shares
    }
}

impl ReleaseSteps {
    /// Returns the shares, growing.
    pub fn shares(&self) -> &[Share] {
        &self.0
    }

    /// Returns the first step that is greater than `share`; `None` after the last.
    pub fn after(&self, share: Share) -> Option<Share> {
        self.0.iter().copied().find(|step| *step > share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(basis_points: &[u16]) -> Result<ReleaseSteps, NotSteps> {
        basis_points.iter().map(|share| Share::try_from(*share).unwrap()).collect::<Vec<_>>().try_into()
    }

    #[test]
    fn steps_grow_from_above_nothing_to_the_whole() {
        assert_eq!(steps(&[500, 2_500, 10_000]), Ok(ReleaseSteps::default()));
        assert_eq!(steps(&[10_000]), Ok(ReleaseSteps(vec![Share::WHOLE])));
        assert_eq!(steps(&[]), Err(NotSteps::Number(0)));
        let eleven: Vec<u16> = (1..=10).chain([10_000]).collect();
        assert_eq!(steps(&eleven), Err(NotSteps::Number(11)));
        assert!(steps(&eleven[1..]).is_ok());
        assert_eq!(steps(&[0, 10_000]), Err(NotSteps::NotGrowing(Share::NONE)));
        assert_eq!(steps(&[500, 500, 10_000]), Err(NotSteps::NotGrowing(Share::try_from(500).unwrap())));
        let refused = steps(&[500, 2_500]).unwrap_err();
        assert_eq!(refused.to_string(), "the last step is 25 %, expected 100 %");
    }

    #[test]
    fn steps_are_followed_to_the_last_and_stored_as_basis_points() {
        let steps = ReleaseSteps::default();
        let mut passed = Vec::new();
        let mut share = Share::NONE;
        while let Some(next) = steps.after(share) {
            passed.push(next);
            share = next;
        }
        assert_eq!(passed, steps.shares());
        assert_eq!(serde_json::to_string(&steps).unwrap(), "[500,2500,10000]");
        assert!(serde_json::from_str::<ReleaseSteps>("[500]").is_err());
    }
}
