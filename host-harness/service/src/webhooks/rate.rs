//! A rate limit for deliveries: a token bucket for each connection, refilled at a steady rate.

use std::{collections::HashMap, time::Duration};

use parking_lot::Mutex;

/// Two thirds of what a single disk is known to store, so that one connection leaves room for the others.
const PER_SECOND: f64 = 1_000.0;

/// What a vendor sends at once after a large import. Storing it takes several seconds.
const BURST: f64 = 5_000.0;

/// The buckets of the connections that have received anything. A delivery without an accepted token does not get here,
/// so only the vendor can use up its share. If deliveries are signed, each one counts, because checking it costs a
/// sandbox call.
#[derive(Debug, Default)]
pub(crate) struct Rates(Mutex<HashMap<String, Bucket>>);

#[derive(Debug)]
struct Bucket {
    left: f64,
    at: Duration,
}

impl Rates {
    /// Takes one delivery from the bucket of `connection`, or returns how long it takes until the next one is
    /// available.
    pub(crate) fn take(&self, connection: &str, now: Duration) -> Result<(), Duration> {
        let mut buckets = self.0.lock();
        let bucket = buckets.entry(connection.to_owned()).or_insert(Bucket { left: BURST, at: now });
        let since = now.saturating_sub(bucket.at).as_secs_f64();
        bucket.left = since.mul_add(PER_SECOND, bucket.left).min(BURST);
        bucket.at = now;
        if bucket.left < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - bucket.left) / PER_SECOND));
        }
        bucket.left -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_may_send_a_burst_and_then_a_fixed_rate_and_delays_no_other() {
        let rates = Rates::default();
        let taken = |connection, now| (0..10_000).take_while(|_| rates.take(connection, now).is_ok()).count();
        assert_eq!(taken("a", Duration::ZERO), 5_000);
        assert_eq!(rates.take("a", Duration::ZERO), Err(Duration::from_millis(1)));
        assert_eq!(taken("a", Duration::from_millis(500)), 500);
        assert_eq!(taken("b", Duration::from_millis(500)), 5_000);
        assert_eq!(taken("a", Duration::from_hours(1)), 5_000);
    }
}
