//! Matching of settings against the manifest's options, and the names reserved by the host.

use host_model::contract::manifest::SettingSpec;

/// The setting that the host fills with the URL for the connection's webhooks.
pub(crate) const WEBHOOK_URL: &str = "webhook-url";
/// The blank for the token that is being installed.
pub(crate) const WEBHOOK_TOKEN: &str = "webhook-token";

/// Returns whether the manifest's options allow `value`.
pub(crate) fn allows(setting: &SettingSpec, value: &str) -> bool {
    setting.options.is_empty() || setting.options.iter().any(|option| matches_option(option, value))
}

/// Returns whether `value` matches `option`, in which `*` matches letters, digits, dots and dashes.
pub(super) fn matches_option(option: &str, value: &str) -> bool {
    let is_wild = |b: u8| b.is_ascii_alphanumeric() || b == b'.' || b == b'-';
    // For each prefix of `value`, whether it matches the part of `option` read so far. Nothing is tried twice, even for
    // a malicious option.
    let mut reached: Vec<bool> = [true].into_iter().chain(value.bytes().map(|_| false)).collect();
    for sign in option.bytes() {
        let mut before = false;
        let next = value.bytes().zip(&reached).map(|(b, here)| {
            before = if sign == b'*' { is_wild(b) && (*here || before) } else { *here && b == sign };
            before
        });
        reached = [false].into_iter().chain(next).collect();
    }
    reached.last() == Some(&true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_matches_whole_values_and_takes_no_longer_for_being_hostile() {
        for (option, value, matches) in [
            ("*", "a.b-c", true),
            ("*", "", false),
            ("*", "a_b", false),
            ("a*c", "abc", true),
            ("a*c", "ac", false),
            ("a*c*", "abcd", true),
            ("**", "a", false),
            ("**", "ab", true),
            ("", "", true),
            ("é", "é", true),
        ] {
            assert_eq!(matches_option(option, value), matches, "{option:?} {value:?}");
        }
        assert!(!matches_option(&("*".repeat(100) + "_"), &"a".repeat(200)));
    }
}
