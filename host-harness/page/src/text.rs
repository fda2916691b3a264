//! How values are written on the screens.

use jiff::Timestamp;

/// A time on a screen. Without scripts it is shown in UTC; the page's script shows it in the reader's form, with the exact
/// time at hand.
pub(crate) struct Time {
    /// In the form of RFC 3339, for programs.
    pub(crate) exact: String,
    /// To the minute, in UTC.
    pub(crate) shown: String,
}

impl Time {
    /// The time `ms` milliseconds after 1970 in UTC.
    pub(crate) fn at(ms: i64) -> Self {
        let Ok(time) = Timestamp::from_millisecond(ms) else {
            return Self { exact: String::new(), shown: "at an impossible time".to_owned() };
        };
        Self { exact: time.to_string(), shown: time.strftime("%Y-%m-%d %H:%M UTC").to_string() }
    }
}

/// A number on a screen. Without scripts its digits are in groups of three; the page's script shows it in the reader's form.
#[derive(Clone, Copy)]
pub(crate) struct Number(i64);

impl Number {
    /// A number, or the nearest that can be shown exactly.
    pub(crate) fn of(number: impl TryInto<i64>) -> Self {
        Self(number.try_into().unwrap_or(i64::MAX))
    }

    /// For programs.
    pub(crate) fn exact(self) -> i64 {
        self.0
    }

    /// Such as `1,000`.
    pub(crate) fn shown(self) -> String {
        let digits = self.0.unsigned_abs().to_string();
        let mut grouped = String::from(if self.0 < 0 { "-" } else { "" });
        for (place, digit) in digits.char_indices() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        grouped
    }
}

/// Returns a duration of `ms` milliseconds in words.
pub(crate) fn duration(ms: impl TryInto<i64>) -> String {
    let ms = Number::of(ms).exact();
    if ms < 1_000 { format!("{ms} ms") } else { format!("{}.{} s", ms / 1_000, ms % 1_000 / 100) }
}

/// Returns the first characters of a digest, which distinguish versions.
pub(crate) fn short(digest: &str) -> String {
    let hex = digest.strip_prefix("sha256:").unwrap_or(digest);
    hex.chars().take(12).collect()
}

/// Returns a number with its noun.
pub(crate) fn count(number: impl TryInto<i64>, one: &str, many: &str) -> String {
    let number = Number::of(number);
    format!("{} {}", number.shown(), if number.exact() == 1 { one } else { many })
}

/// Returns `text` as one segment of a path of the API.
pub(crate) fn segment(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use askama::Template;

    use super::*;

    #[derive(Template)]
    #[template(
        source = "{% import \"parts.html\" as parts %}{% call parts::number(number) %}{% endcall %}",
        ext = "html"
    )]
    struct Shown {
        number: Number,
    }

    #[test]
    fn a_number_has_its_exact_value_for_the_script_that_shows_it_in_the_readers_form() {
        let html = Shown { number: Number::of(1_234_567) }.render().unwrap();
        assert_eq!(html, "<data value=\"1234567\">1,234,567</data>");
    }

    #[test]
    fn a_duration_is_in_milliseconds_below_a_second() {
        assert_eq!([0, 999, 1_000, 11_190].map(duration), ["0 ms", "999 ms", "1.0 s", "11.1 s"]);
    }

    #[test]
    fn digits_are_grouped_by_three() {
        assert_eq!(
            [0, 999, 1_000, 1_234_567, -1_000].map(|number| Number::of(number).shown()),
            ["0", "999", "1,000", "1,234,567", "-1,000"]
        );
    }
}
