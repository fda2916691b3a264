//! The path of a request for which there is no route, as a log may show it: an operator who mistyped an address can
//! find it, and no person or secret in a path gets into the log.

/// The maximum number of segments shown: more than any address of the API has.
const MAX_SEGMENTS: usize = 12;

/// The maximum length of a segment shown: shorter than a webhook token, an API key or a hash.
const MAX_SEGMENT_CHARS: usize = 40;

/// Returns `path` with each segment that is not a plain name replaced by `…`, cut after 12 segments.
pub fn logged_path(path: &str) -> String {
    let mut segments: Vec<_> = path.split('/').map(logged_segment).take(MAX_SEGMENTS + 1).collect();
    if path.split('/').nth(MAX_SEGMENTS + 1).is_some() {
        segments.push("…");
    }
    segments.join("/")
}

/// Returns `segment` if it is a plain name, otherwise `…`: email addresses, phone numbers and tokens are not plain
/// names.
pub(crate) fn logged_segment(segment: &str) -> &str {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let begins_plainly = segment.chars().next().is_none_or(|first| first.is_ascii_alphabetic());
    if segment.len() <= MAX_SEGMENT_CHARS && begins_plainly && segment.chars().all(is_plain) {
        segment
    } else {
        "…"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_address_is_shown_and_a_person_or_a_secret_in_one_is_not() {
        for (path, logged) in [
            ("/api/v1/plus/connection/shop/consent-webhok", "/api/v1/plus/connection/shop/consent-webhok"),
            ("/", "/"),
            ("/people/ada@example.com", "/people/…"),
            ("/people/ada%40example.com/", "/people/…/"),
            ("/people/4915550198273", "/people/…"),
            ("/hook/Zm9yLXRlc3RzLW9ubHktbm90LWEtcmVhbC10b2tlbi0x", "/hook/…"),
            ("/line\u{1b}[2J", "/…"),
        ] {
            assert_eq!(logged_path(path), logged);
        }
        assert_eq!(logged_path(&"/a".repeat(1_000)), format!("{}/…", "/a".repeat(MAX_SEGMENTS)));
    }
}
