//! Parsing of `Retry-After` in both of its forms (RFC 9110, section 10.2.3), counted from now.

use std::time::{Duration, SystemTime};

use http::{
    HeaderMap,
    header::{DATE, RETRY_AFTER},
};

/// Returns how long the response asks to wait. A date is compared with the response's own date, so that clocks need not
/// agree.
pub fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let asked = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !asked.is_empty() && asked.bytes().all(|b| b.is_ascii_digit()) {
        // A number that does not fit is treated as a very long wait, which callers limit.
        return Some(Duration::from_secs(asked.parse().unwrap_or(u64::from(u32::MAX))));
    }
    let then = httpdate::parse_http_date(asked).ok()?;
    let from = headers
        .get(DATE)
        .and_then(|date| date.to_str().ok())
        .and_then(|date| httpdate::parse_http_date(date).ok())
        .unwrap_or(now);
    Some(then.duration_since(from).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wait_ms(value: &str, date: Option<&str>, now: &str) -> Option<u64> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, value.parse().unwrap());
        if let Some(date) = date {
            headers.insert(DATE, date.parse().unwrap());
        }
        retry_after(&headers, httpdate::parse_http_date(now).unwrap()).map(|wait| wait.as_secs())
    }

    const NOON: &str = "Tue, 24 Nov 2026 12:00:00 GMT";

    #[test]
    fn seconds_and_dates_are_counted_from_now() {
        assert_eq!(wait_ms("60", None, NOON), Some(60));
        assert_eq!(wait_ms("0", None, NOON), Some(0));
        assert_eq!(wait_ms("Tue, 24 Nov 2026 12:01:30 GMT", None, NOON), Some(90));
        assert_eq!(wait_ms("Tue, 24 Nov 2026 11:00:00 GMT", None, NOON), Some(0));
    }

    #[test]
    fn a_date_is_compared_with_the_answers_own() {
        let an_hour_ahead = Some("Tue, 24 Nov 2026 13:00:00 GMT");
        assert_eq!(wait_ms("Tue, 24 Nov 2026 13:00:05 GMT", an_hour_ahead, NOON), Some(5));
    }

    #[test]
    fn anything_else_says_nothing() {
        for value in ["", "-1", "1.5", "soon", "60s"] {
            assert_eq!(wait_ms(value, None, NOON), None, "{value:?}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), SystemTime::now()), None);
    }

    proptest! {
        #![proptest_config(test_support::cases(256))]

        #[test]
        fn no_value_panics(value in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(value) = http::HeaderValue::from_bytes(&value) {
                let headers = HeaderMap::from_iter([(RETRY_AFTER, value)]);
                let _wait = retry_after(&headers, SystemTime::now());
            }
        }
    }
}
