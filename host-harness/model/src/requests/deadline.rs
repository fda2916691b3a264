//! How long a request may take: GDPR Art. 12(3) gives one month from its receipt.

use crate::time::DAY_MS;

/// The alarm about a request that has been open for a long time.
pub const LATE: &str = "request-late";

/// Days after which an unfinished request raises an alarm.
pub const ALARM_DAYS: [i64; 3] = [7, 14, 21];
/// The day on which attempts stop. The rest of the month is left for manual handling.
pub const LAST_DAY: i64 = 25;

/// The month in which the law expects an answer, in days.
pub const MONTH_DAYS: i64 = 30;

/// Returns how many days of the month are left at `now` for a request received at `received`; negative if it is overdue.
pub fn days_left(received: i64, now: i64) -> i64 {
    MONTH_DAYS - now.saturating_sub(received).max(0) / DAY_MS
}

/// Returns whether this number of days is less than a quarter of the month.
pub fn is_short(days_left: i64) -> bool {
    days_left * 4 < MONTH_DAYS
}

/// Returns the time until which requests were received of which less than a quarter of the month is left at `now`.
pub fn short_since(now: i64) -> i64 {
    now.saturating_sub((MONTH_DAYS - (MONTH_DAYS - 1) / 4) * DAY_MS)
}

/// What is due because of a request's age.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Nothing.
    Nothing,
    /// An alarm, since this day has passed.
    Alarm(i64),
    /// The request expires.
    End,
}

/// Returns what is due at `now` for a request received at `received` whose last alarm was for day `alarmed`.
pub fn due(received: i64, now: i64, alarmed: i64) -> Due {
    let age = now.saturating_sub(received) / DAY_MS;
    if age >= LAST_DAY {
        return Due::End;
    }
    let passed = ALARM_DAYS.into_iter().rev().find(|day| age >= *day);
    passed.filter(|day| *day > alarmed).map_or(Due::Nothing, Due::Alarm)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_alarms_on_days_7_14_and_21_once_each_and_ends_on_day_25() {
        let mut alarmed = 0;
        let mut told = Vec::new();
        for hour in 0..=25 * 24 {
            match due(1_000, 1_000 + hour * DAY_MS / 24, alarmed) {
                Due::Nothing => {}
                Due::Alarm(day) => {
                    told.push((hour, day));
                    alarmed = day;
                }
                Due::End => told.push((hour, LAST_DAY)),
            }
        }
        assert_eq!(told, [(7 * 24, 7), (14 * 24, 14), (21 * 24, 21), (25 * 24, 25)]);
    }

    #[test]
    fn a_month_is_short_under_a_quarter_and_its_requests_are_found_by_their_time() {
        let now = 100 * DAY_MS;
        for days in 0..40 {
            for received in [now - days * DAY_MS, now - days * DAY_MS - 1] {
                assert_eq!(
                    is_short(days_left(received, now)),
                    received <= short_since(now),
                    "{days} {received}"
                );
            }
        }
        assert_eq!([0, 22, 23, 30, 32].map(|days| days_left(now - days * DAY_MS, now)), [30, 8, 7, 0, -2]);
        assert_eq!([8, 7, 0, -2].map(is_short), [false, true, true, true]);
    }
}
