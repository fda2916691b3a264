//! How many deliveries a connection may bring: a bucket for each that fills at a steady rate.

use std::{collections::HashMap, time::Duration};

use parking_lot::Mutex;

/// Two thirds of what one disk is known to take in, so that one connection leaves room for the others.
const A_SECOND: f64 = 1_000.0;

/// What a vendor sends at once after a large import; it takes some seconds to store.
const AT_ONCE: f64 = 5_000.0;

/// The buckets of the connections that have brought anything. What has no accepted token never gets here, so that nobody
/// but the vendor can use up its share; where deliveries are signed each counts, since checking one is work for the sandbox.
#[derive(Debug, Default)]
pub(crate) struct Rates(Mutex<HashMap<String, Bucket>>);

#[derive(Debug)]
struct Bucket {
    left: f64,
    at: Duration,
}

impl Rates {
    /// Takes one from the bucket of `connection`; or how long it takes until there is one again.
    pub(crate) fn take(&self, connection: &str, now: Duration) -> Result<(), Duration> {
        let mut buckets = self.0.lock();
        let bucket = buckets.entry(connection.to_owned()).or_insert(Bucket { left: AT_ONCE, at: now });
        let since = now.saturating_sub(bucket.at).as_secs_f64();
        bucket.left = since.mul_add(A_SECOND, bucket.left).min(AT_ONCE);
        bucket.at = now;
        if bucket.left < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - bucket.left) / A_SECOND));
        }
        bucket.left -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_brings_so_many_at_once_and_then_so_many_a_second_and_holds_no_other_up() {
        let rates = Rates::default();
        let taken = |connection, now| (0..10_000).take_while(|_| rates.take(connection, now).is_ok()).count();
        assert_eq!(taken("a", Duration::ZERO), 5_000);
        assert_eq!(rates.take("a", Duration::ZERO), Err(Duration::from_millis(1)));
        assert_eq!(taken("a", Duration::from_millis(500)), 500);
        assert_eq!(taken("b", Duration::from_millis(500)), 5_000);
        assert_eq!(taken("a", Duration::from_hours(1)), 5_000);
    }
}
