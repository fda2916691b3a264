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

/// Returns `text` as one segment of a path of the API.
pub(crate) fn segment(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}
