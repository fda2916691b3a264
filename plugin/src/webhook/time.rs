//! The times of events. Iterable writes `yyyy-MM-dd HH:mm:ss +00:00`; whatever names one instant is read.

use jiff::Timestamp;

/// In milliseconds since 1970. `None` if the text names no instant, as without an offset, or one before 1970.
pub(super) fn parse(text: &str) -> Option<u64> {
    let text = text.trim();
    let time = match text.parse() {
        Ok(number) => of_number(number)?,
        Err(_) => joined(text).parse().ok()?,
    };
    u64::try_from(time.as_millisecond()).ok().filter(|ms| *ms > 0)
}

/// Seconds since 1970 up to the year 5138, else milliseconds: those of 1973 are as many.
fn of_number(number: i64) -> Option<Timestamp> {
    const SECONDS_END: i64 = 100_000_000_000;
    if number < SECONDS_END { Timestamp::from_second(number) } else { Timestamp::from_millisecond(number) }
        .ok()
}

/// The standard form has no blank before the offset.
fn joined(text: &str) -> String {
    match text.rsplit_once(' ') {
        Some((time, offset)) if offset.starts_with(['+', '-', 'Z', 'z']) => {
            format!("{}{offset}", time.trim_end())
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_read_in_every_spelling() {
        for (text, ms) in [
            ("2000-02-29 23:59:59 +00:00", 951_868_799_000),
            ("2020-03-20 23:34:15 +00:00", 1_584_747_255_000),
            ("2038-01-19 03:14:08 +00:00", 2_147_483_648_000),
            ("2100-03-01 00:00:00 +00:00", 4_107_542_400_000),
            (" 2020-03-20 23:34:15.250 +00:00 ", 1_584_747_255_250),
            ("2020-03-20T23:34:15Z", 1_584_747_255_000),
            ("2020-03-20T23:34:15.250123Z", 1_584_747_255_250),
            ("2020-03-20 23:34:15 Z", 1_584_747_255_000),
            ("2020-03-21 01:34:15 +02:00", 1_584_747_255_000),
            ("2020-03-20T18:34:15-0500", 1_584_747_255_000),
            ("2020-03-20 18:34:15 -05", 1_584_747_255_000),
            ("1584747255", 1_584_747_255_000),
            ("1584747255250", 1_584_747_255_250),
        ] {
            assert_eq!(parse(text), Some(ms), "{text}");
        }
    }

    #[test]
    fn what_names_no_instant_is_no_time() {
        for text in [
            "",
            "yesterday",
            "0",
            "-1",
            "2020-03-20",
            "2020-03-20 23:34:15",
            "2020-03-20T23:34:15",
            "2021-02-29 00:00:00 +00:00",
            "2020-13-01 00:00:00 +00:00",
            "2020-01-01 24:00:00 +00:00",
            "1969-12-31 23:59:59 +00:00",
            "0000-01-01 00:00:00 +00:00",
            "2020-01-01 00:00:0\u{e9} +00:00",
            "9223372036854775807",
            "99999999999999999999",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
