//! The one form in which Iterable writes times in events: `yyyy-MM-dd HH:mm:ss +00:00`.

/// In milliseconds since 1970; none for any other form, an impossible date or one before 1970.
pub(super) fn parse(text: &str) -> Option<u64> {
    let text = text.strip_suffix(" +00:00").filter(|text| text.len() == 19)?;
    let (date, time) = text.split_once(' ')?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    if hour > 23 || minute > 59 || second > 60 || !(1..=days_in(year, month)?).contains(&day) {
        return None;
    }
    let days = days_before_year(year).checked_sub(days_before_year(1970))?;
    let days = days + (1..month).filter_map(|month| days_in(year, month)).sum::<u64>() + day - 1;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1000)
}

fn numbers(text: &str, between: char, widths: [usize; 3]) -> Option<[u64; 3]> {
    let mut parts = text.split(between);
    let mut next = |width| {
        let part = parts
            .next()
            .filter(|part| part.len() == width && part.bytes().all(|byte| byte.is_ascii_digit()))?;
        part.parse().ok()
    };
    let [first, second, third] = widths;
    let found = [next(first)?, next(second)?, next(third)?];
    parts.next().is_none().then_some(found)
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
    fn known_times_are_read() {
        for (text, seconds) in [
            ("1970-01-01 00:00:00 +00:00", 0),
            ("2000-02-29 23:59:59 +00:00", 951_868_799),
            ("2020-03-20 23:34:15 +00:00", 1_584_747_255),
            ("2038-01-19 03:14:08 +00:00", 2_147_483_648),
            ("2100-03-01 00:00:00 +00:00", 4_107_542_400),
        ] {
            assert_eq!(parse(text), Some(seconds * 1000), "{text}");
        }
    }

    #[test]
    fn nothing_else_is_a_time() {
        for text in [
            "",
            "2020-03-20",
            "2020-03-20T23:34:15 +00:00",
            "2020-03-20 23:34:15 +01:00",
            "2020-03-20 23:34:15",
            "2021-02-29 00:00:00 +00:00",
            "2100-02-29 00:00:00 +00:00",
            "2020-13-01 00:00:00 +00:00",
            "2020-00-01 00:00:00 +00:00",
            "2020-01-00 00:00:00 +00:00",
            "2020-01-01 24:00:00 +00:00",
            "1969-12-31 23:59:59 +00:00",
            "0000-01-01 00:00:00 +00:00",
            "+020-01-01 00:00:00 +00:00",
            "2020-01-01 00:00:0é +00:00",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
