//! Parses the times of events. Iterable writes `yyyy-MM-dd HH:mm:ss +00:00`. RFC 3339 and numbers since 1970 are read
//! as well. A library for this would double the size of the component.

/// Returns milliseconds since 1970. `None` if the text is not an instant (for example, it has no offset), or if the
/// instant is before 1970.
pub(super) fn parse(text: &str) -> Option<u64> {
    let text = text.trim();
    let ms = match text.parse() {
        Ok(number) => since_1970(number),
        Err(_) => written(text)?,
    };
    (1..YEAR_10000_MS).contains(&ms).then_some(ms)
}

/// No event is later than this. A number that is later has a smaller unit.
const YEAR_10000_MS: u64 = 253_402_300_800_000;

/// A number below 100 billion is in seconds (up to the year 5138), any other in milliseconds (from 1973).
fn since_1970(number: u64) -> u64 {
    const SECONDS_END: u64 = 100_000_000_000;
    if number < SECONDS_END { number * 1000 } else { number }
}

fn written(text: &str) -> Option<u64> {
    let (date, text) = text.split_at_checked(10)?;
    let (time, text) = text.strip_prefix(['T', 't', ' '])?.split_at_checked(8)?;
    let (ms, text) = fraction(text)?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    if hour > 23 || minute > 59 || second > 60 || !(1..=days_in(year, month)?).contains(&day) {
        return None;
    }
    let days = days_before_year(year).checked_sub(days_before_year(1970))?;
    let days = days + (1..month).filter_map(|month| days_in(year, month)).sum::<u64>() + day - 1;
    let local = (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + ms;
    local.checked_add_signed(-offset_ms(text.trim_start())?)
}

/// Parses an optional fraction such as `.250`. Returns its milliseconds and the rest of the text.
fn fraction(text: &str) -> Option<(u64, &str)> {
    let Some(text) = text.strip_prefix('.') else { return Some((0, text)) };
    let end = text.find(|found: char| !found.is_ascii_digit()).unwrap_or(text.len());
    let (digits, text) = text.split_at(end);
    let ms = digits.bytes().chain(*b"00").take(3).fold(0, |ms, digit| ms * 10 + u64::from(digit - b'0'));
    (end > 0).then_some((ms, text))
}

/// Parses an offset such as `Z`, `+02:00`, `+0200` or `+02`.
fn offset_ms(text: &str) -> Option<i64> {
    if text.eq_ignore_ascii_case("Z") {
        return Some(0);
    }
    let (sign, text) =
        text.strip_prefix('+').map(|text| (1, text)).or(text.strip_prefix('-').map(|text| (-1, text)))?;
    let (hours, minutes) = text.split_at_checked(2)?;
    let minutes = match minutes {
        "" => "00",
        minutes => minutes.strip_prefix(':').unwrap_or(minutes),
    };
    let [hours, minutes] = [number(hours, 2)?, number(minutes, 2)?];
    let minutes = (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)?;
    Some(sign * i64::try_from(minutes).ok()? * 60_000)
}

fn numbers(text: &str, between: char, widths: [usize; 3]) -> Option<[u64; 3]> {
    let mut parts = text.split(between);
    let mut next = |width| number(parts.next()?, width);
    let [first, second, third] = widths;
    let found = [next(first)?, next(second)?, next(third)?];
    parts.next().is_none().then_some(found)
}

fn number(text: &str, width: usize) -> Option<u64> {
    let is_number = text.len() == width && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok())?
}

fn days_before_year(year: u64) -> u64 {
    let past = year.saturating_sub(1);
    year * 365 + past / 4 - past / 100 + past / 400
}

fn days_in(year: u64, month: u64) -> Option<u64> {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => Some(31),
        4 | 6 | 9 | 11 => Some(30),
        2 => Some(if leap { 29 } else { 28 }),
        _ => None,
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
            "1584747255250000",
            "2020-03-20T23:34:15.Z",
            "2020-03-20T23:34:15 +1",
            "2020-03-20T23:34:15 +24:00",
            "2020-03-20T23:34:15 +02:60",
            "2020-03-20T23:34:15 +02:",
            "2020-03-20T23:34:15 +02:000",
            "1970-01-01T00:30:00 +01:00",
            "\u{e9}2020-03-20T23:34:15Z",
            "99999999999999999999",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
