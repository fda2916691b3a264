//! Numbers, times and names as text for people.

use std::{collections::BTreeMap, fmt};

use host_api::types::manifest::RateLimit;
use shlex::Quoter;

/// Units of time, largest first.
const UNITS: [(u64, &str, &str); 4] = [
    (86_400_000, "day", "a day"),
    (3_600_000, "hour", "an hour"),
    (60_000, "minute", "a minute"),
    (1_000, "second", "a second"),
];

/// `ms` in the largest unit that divides it: `10 minutes`.
pub(super) fn duration(ms: u64) -> String {
    let whole = UNITS.iter().find(|(unit, ..)| ms >= *unit && ms.is_multiple_of(*unit));
    let (unit, name) = whole.map_or((1_000, "second"), |(unit, name, _)| (*unit, *name));
    let count = ms.div_ceil(unit).max(1);
    if count == 1 { format!("1 {name}") } else { format!("{count} {name}s") }
}

/// `limit` as a vendor would publish it: `3 a second`.
pub(super) fn limit(limit: &RateLimit) -> String {
    let requests = limit.requests;
    match limit.period_ms {
        None => format!("{requests} at the same time"),
        Some(period) => match UNITS.iter().find(|(unit, ..)| *unit == period) {
            Some((_, _, each)) => format!("{requests} {each}"),
            None => format!("{requests} in {}", duration(period)),
        },
    }
}

/// Milliseconds since 1970 as a date in UTC: `2026-01-31 12:00`.
pub(super) fn date(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms)
        .map_or_else(|_| ms.to_string(), |date| date.strftime("%Y-%m-%d %H:%M").to_string())
}

/// Milliseconds since 1970 as RFC 3339 in UTC, to the second: `2026-01-31T12:00:00Z`.
pub(super) fn timestamp(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms)
        .map_or_else(|_| ms.to_string(), |date| date.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// `time` as [`timestamp`]; empty if there is none.
pub(super) fn time(time: Option<i64>) -> String {
    time.map(timestamp).unwrap_or_default()
}

/// `word`; empty if there is none.
pub(super) fn optional(word: Option<&impl ToString>) -> String {
    word.map(ToString::to_string).unwrap_or_default()
}

/// `words` with commas between them.
pub(super) fn list(words: impl IntoIterator<Item = impl ToString>) -> String {
    words.into_iter().map(|word| word.to_string()).collect::<Vec<_>>().join(", ")
}

/// Names with their values: `a = b, c = d`.
pub(super) fn pairs(values: &BTreeMap<String, String>) -> String {
    list(values.iter().map(|(name, value)| format!("{name} = {value}")))
}

/// A word, with the reason below it if there is one.
pub(super) fn with_reason(word: &impl ToString, reason: Option<&str>) -> String {
    let word = word.to_string();
    reason.filter(|reason| !reason.is_empty()).map_or(word.clone(), |reason| format!("{word}\n{reason}"))
}

/// Printed as `yes` or `no`.
pub(super) struct YesNo(pub(super) bool);

impl fmt::Display for YesNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0 { "yes" } else { "no" })
    }
}

/// `word` as one argument of a command that people may copy into a shell.
pub(super) fn argument(word: &str) -> String {
    // Quoting fails only for NUL, which no argument of a shell can contain.
    Quoter::new().allow_nul(true).quote(word).unwrap_or_default().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_shown_in_its_largest_whole_unit() {
        for (ms, told) in [
            (0, "1 second"),
            (1, "1 second"),
            (1_001, "2 seconds"),
            (60_000, "1 minute"),
            (90_000, "90 seconds"),
            (600_000, "10 minutes"),
            (7_200_000, "2 hours"),
            (86_400_000, "1 day"),
        ] {
            assert_eq!(duration(ms), told);
        }
    }

    #[test]
    fn a_limit_is_shown_as_vendors_publish_it() {
        let told = |requests, period_ms| limit(&RateLimit { name: "l".into(), requests, period_ms });
        assert_eq!(told(3, Some(1_000)), "3 a second");
        assert_eq!(told(1_000, Some(86_400_000)), "1000 a day");
        assert_eq!(told(5, Some(10_000)), "5 in 10 seconds");
        assert_eq!(told(2, None), "2 at the same time");
    }

    #[test]
    fn a_connectors_word_cannot_become_a_command() {
        assert_eq!(argument("job-17"), "job-17");
        assert_eq!(argument("a; rm -rf /"), "'a; rm -rf /'");
        assert_eq!(argument("it's $(x)"), r#""it's "'$(x)'"#);
        assert_eq!(argument(""), "''");
    }
}
