//! Token buckets and daily caps, measured by the stand-in's clock.

use std::collections::{HashMap, VecDeque};

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::clock::{http_date, later};
use crate::reply::Reply;
use crate::switches::{LimitBody, RetryAfter, Switches};

/// A maximum number of requests per period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    /// The number of requests, all of which may arrive at once.
    pub count: u32,
    /// The period in which the same number is allowed again.
    pub per: Per,
}

/// The period of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Per {
    /// A token bucket with a rate per second.
    Second,
    /// A token bucket with a rate per minute.
    Minute,
    /// A count over the last 24 hours.
    Day,
}

impl Per {
    fn seconds(self) -> f64 {
        match self {
            Self::Second => 1.0,
            Self::Minute => 60.0,
            Self::Day => 86_400.0,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Day => "day",
        }
    }
}

/// Usage of the limits, by endpoint (and by key, for limits per key).
#[derive(Debug, Default)]
pub(crate) struct Limiter {
    buckets: HashMap<(String, u32), Bucket>,
    days: HashMap<String, VecDeque<Timestamp>>,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    at: Timestamp,
}

/// An exhausted limit, and the seconds until it allows a request again.
#[derive(Debug, PartialEq)]
pub(crate) struct Exceeded {
    limit: Limit,
    wait: f64,
}

impl Limiter {
    /// Counts one request against each of `limits`. A refused request counts against those before the exhausted one.
    pub(crate) fn take(&mut self, endpoint: &str, limits: &[Limit], now: Timestamp) -> Result<(), Exceeded> {
        limits.iter().try_for_each(|limit| match limit.per {
            Per::Day => self.count_against_day(endpoint, *limit, now),
            Per::Second | Per::Minute => self.take_token(endpoint, *limit, now),
        })
    }

    fn take_token(&mut self, endpoint: &str, limit: Limit, now: Timestamp) -> Result<(), Exceeded> {
        let most = f64::from(limit.count);
        let rate = most / limit.per.seconds();
        let bucket = self
            .buckets
            .entry((endpoint.to_owned(), limit.count))
            .or_insert_with(|| Bucket { tokens: most, at: now });
        let passed = now.duration_since(bucket.at).as_secs_f64().max(0.0);
        bucket.tokens = passed.mul_add(rate, bucket.tokens).min(most);
        bucket.at = now;
        if bucket.tokens < 1.0 {
            return Err(Exceeded { limit, wait: (1.0 - bucket.tokens) / rate });
        }
        bucket.tokens -= 1.0;
        Ok(())
    }

    fn count_against_day(&mut self, endpoint: &str, limit: Limit, now: Timestamp) -> Result<(), Exceeded> {
        let day = SignedDuration::from_hours(24);
        let used = self.days.entry(endpoint.to_owned()).or_default();
        while used.front().is_some_and(|first| later(*first, day) <= now) {
            used.pop_front();
        }
        if let Some(first) = used.front().filter(|_| used.len() >= limit.count as usize) {
            return Err(Exceeded { limit, wait: later(*first, day).duration_since(now).as_secs_f64() });
        }
        used.push_back(now);
        Ok(())
    }
}

impl Exceeded {
    /// An exhausted limit of one request per second, for an injected fault.
    pub(crate) const INJECTED: Self = Self { limit: Limit { count: 1, per: Per::Second }, wait: 1.0 };

    pub(crate) fn reply(&self, switches: &Switches, path: &str, project: u32, now: Timestamp) -> Reply {
        let mut reply = self.body(switches.limit_body, path, project);
        // At least 1: a caller asked to wait 0 seconds would hit the same limit again.
        let wait = self.wait.ceil().max(1.0);
        match switches.retry_after {
            RetryAfter::Seconds => reply.headers.push(("retry-after", format!("{wait:.0}"))),
            RetryAfter::Date => {
                let due = later(now, SignedDuration::from_secs_f64(wait + 1.0));
                reply.headers.extend(http_date(due).map(|date| ("retry-after", date)));
            }
            RetryAfter::Absent => {}
        }
        reply
    }

    fn body(&self, form: LimitBody, path: &str, project: u32) -> Reply {
        let status = StatusCode::TOO_MANY_REQUESTS;
        let code = "RateLimitExceeded";
        match form {
            LimitBody::Detailed => {
                let params = json!({
                    "rateLimitLimit": self.limit.count,
                    "rateLimitRemaining": 0,
                    "rateLimitReset": (self.wait * 1000.0).ceil() / 1000.0,
                });
                Reply::envelope(status, code, "Exceeded rate limit.", params)
            }
            LimitBody::Plain => {
                let body: Value = json!({"msg": "Exceeded rate limit.", "code": code});
                Reply::json(status, &body)
            }
            LimitBody::Old => {
                let (count, per) = (f64::from(self.limit.count), self.limit.per.name());
                // The trailing space is in the recording.
                let msg = format!(
                    "Exceeded rate limit of {count:.1} per {per} for endpoint: {path}, project: {project} "
                );
                Reply::envelope(status, code, &msg, json!({}))
            }
            LimitBody::Text => Reply::text(status, "Too Many Requests"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORGET: &[Limit] = &[Limit { count: 3, per: Per::Second }, Limit { count: 1000, per: Per::Day }];

    #[test]
    fn a_bucket_refills_by_the_clock() {
        let mut limiter = Limiter::default();
        let now = Timestamp::UNIX_EPOCH;
        let taken = (0..4).filter(|_| limiter.take("forget", FORGET, now).is_ok()).count();
        assert_eq!(taken, 3);
        let soon = later(now, SignedDuration::from_millis(340));
        assert_eq!(limiter.take("forget", FORGET, soon), Ok(()));
        assert!(limiter.take("forget", FORGET, soon).is_err());
        assert_eq!(limiter.take("unforget", FORGET, soon), Ok(()));
    }

    #[test]
    fn a_day_allows_a_thousand() {
        let mut limiter = Limiter::default();
        let mut now = Timestamp::UNIX_EPOCH;
        for _ in 0..1000 {
            now = later(now, SignedDuration::from_secs(1));
            assert_eq!(limiter.take("forget", FORGET, now), Ok(()));
        }
        now = later(now, SignedDuration::from_secs(1));
        let exceeded = limiter.take("forget", FORGET, now).unwrap_err();
        assert_eq!(exceeded.limit.per, Per::Day);
        let next = later(now, SignedDuration::from_secs_f64(exceeded.wait));
        assert_eq!(limiter.take("forget", FORGET, next), Ok(()));
    }
}
