//! How long a request may take: GDPR Art. 12(3) gives one month from its receipt.

use crate::time::DAY_MS;

/// The alarm about a request that has been open for a long time.
pub const LATE: &str = "request-late";

/// Days after which an unfinished request raises an alarm.
pub const ALARM_DAYS: [i64; 3] = [7, 14, 21];
/// The day on which attempts stop. The rest of the month is left for manual handling.
pub const LAST_DAY: i64 = 25;

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
}
