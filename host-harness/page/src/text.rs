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

/// Returns the first characters of a digest, which distinguish versions.
pub(crate) fn short(digest: &str) -> String {
    let hex = digest.strip_prefix("sha256:").unwrap_or(digest);
    hex.chars().take(12).collect()
}

/// Returns a number with its noun.
pub(crate) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// Returns a number with its digits in groups of three, such as `1,000`.
pub(crate) fn grouped(number: impl Into<i64>) -> String {
    let number = number.into();
    let digits = number.unsigned_abs().to_string();
    let mut grouped = String::from(if number < 0 { "-" } else { "" });
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Returns `text` as one segment of a path of the API.
pub(crate) fn segment(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped_by_three() {
        assert_eq!(
            [0, 999, 1_000, 1_234_567, -1_000].map(grouped),
            ["0", "999", "1,000", "1,234,567", "-1,000"]
        );
    }
}
