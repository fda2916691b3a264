//! How long calls take, as counts in fixed buckets that can be added.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::millis_u64;

/// The greatest time of each bucket, in milliseconds: powers of two and one and a half times them, so that a bucket ends
/// at most half above its beginning. A call ends after at most two minutes by default; longer ones than the last bound
/// share one more bucket.
pub const BOUNDS_MS: [u64; 36] = [
    1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1_024, 1_536, 2_048, 3_072,
    4_096, 6_144, 8_192, 12_288, 16_384, 24_576, 32_768, 49_152, 65_536, 98_304, 131_072, 196_608, 262_144,
];

/// The times of calls: the number of calls in each bucket of [`BOUNDS_MS`] and one beyond, without zeros at the end.
/// Stored as that list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Latency(Vec<u64>);

impl Latency {
    /// Adds a call that took `took`.
    pub fn record(&mut self, took: Duration) {
        let ms = millis_u64(took);
        let bucket = BOUNDS_MS.partition_point(|bound| *bound < ms);
        if self.0.len() <= bucket {
            self.0.resize(bucket + 1, 0);
        }
        if let Some(calls) = self.0.get_mut(bucket) {
            *calls = calls.saturating_add(1);
        }
    }

    /// Adds the calls of `other`.
    pub fn merge(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (calls, more) in self.0.iter_mut().zip(&other.0) {
            *calls = calls.saturating_add(*more);
        }
    }

    /// Returns the number of calls.
    pub fn calls(&self) -> u64 {
        self.0.iter().fold(0, |sum, calls| sum.saturating_add(*calls))
    }

    /// Returns the first bound within which 95 % of the calls ended, in milliseconds; `None` if there are no calls, or if
    /// that took longer than the last bound.
    pub fn p95_ms(&self) -> Option<u64> {
        let all = u128::from(self.calls());
        let mut within = 0_u128;
        BOUNDS_MS.into_iter().zip(&self.0).find_map(|(bound, calls)| {
            within += u128::from(*calls);
            (within * 100 >= all * 95 && all > 0).then_some(bound)
        })
    }

    /// Returns the number of calls that took longer than `bound_ms`, one of the bounds.
    pub fn slower_than(&self, bound_ms: u64) -> u64 {
        let within = BOUNDS_MS.partition_point(|bound| *bound <= bound_ms);
        self.0.iter().skip(within).fold(0, |sum, calls| sum.saturating_add(*calls))
    }
}

/// Returns the first bound that is not below `ms`; `None` if it is beyond the last.
pub fn bound_of(ms: u64) -> Option<u64> {
    BOUNDS_MS.into_iter().find(|bound| *bound >= ms)
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn of(times: &[u64]) -> Latency {
        let mut latency = Latency::default();
        for ms in times {
            latency.record(Duration::from_millis(*ms));
        }
        latency
    }

    #[test]
    fn buckets_grow_by_at_most_half_above_the_first() {
        assert!(BOUNDS_MS[2..].windows(2).all(|pair| pair[0] < pair[1] && pair[1] * 2 <= pair[0] * 3));
    }

    #[test]
    fn a_time_counts_to_its_bound_and_no_further() {
        let latency = of(&[0, 1, 96, 97, 262_144, 262_145]);
        assert_eq!(latency.calls(), 6);
        assert_eq!([1, 96, 128, 262_144].map(|bound| latency.slower_than(bound)), [4, 3, 2, 1]);
    }

    #[test]
    fn the_quantile_is_the_bound_that_holds_95_of_100_calls() {
        assert_eq!(of(&[[10; 95].as_slice(), &[1_000; 5]].concat()).p95_ms(), Some(12));
        assert_eq!(of(&[[10; 94].as_slice(), &[1_000; 6]].concat()).p95_ms(), Some(1_024));
        assert_eq!(of(&[]).p95_ms(), None);
        assert_eq!(of(&[300_000]).p95_ms(), None);
    }

    #[test]
    fn counts_are_stored_as_a_list() {
        let latency = of(&[1, 1, 3]);
        assert_eq!(serde_json::to_string(&latency).unwrap(), "[2,0,1]");
        assert_eq!(serde_json::from_str::<Latency>("[2,0,1]").unwrap(), latency);
    }

    proptest! {
        #![proptest_config(test_support::cases(256))]

        #[test]
        fn merged_counts_are_those_of_all_calls(a in vec(0..400_000_u64, 0..50), b in vec(0..400_000_u64, 0..50)) {
            let mut merged = of(&a);
            merged.merge(&of(&b));
            prop_assert_eq!(merged, of(&[a, b].concat()));
        }
    }
}
