use std::{
    fmt::Debug,
    time::{Duration, Instant},
};

/// Only a test that fails anyway waits this long, even on a machine that runs every suite at once.
pub(crate) const DEADLINE: Duration = Duration::from_mins(2);

/// Time between two looks: short beside what is waited for, long enough to leave the machine to others.
pub(crate) const PAUSE: Duration = Duration::from_millis(2);

/// Returns the value of `look` as soon as `condition` holds for it.
///
/// # Panics
/// After two minutes, with `what` and the last value.
pub async fn eventually<T: Debug>(
    what: &str,
    mut look: impl AsyncFnMut() -> T,
    condition: impl Fn(&T) -> bool,
) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        let value = look().await;
        if condition(&value) {
            return value;
        }
        assert!(Instant::now() < end, "not within {DEADLINE:?}: {what}; last seen: {value:?}");
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_value_that_fits_is_returned() {
        let mut looks = 0;
        let counted = async || {
            looks += 1;
            looks
        };
        assert_eq!(eventually("three looks", counted, |looks| *looks >= 3).await, 3);
    }
}
