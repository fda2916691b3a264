//! What differs between an expected document and the one that was found.

use std::fmt;

use host_model::text;
use serde_json::Value;

/// Maximum size of a value in a finding, in bytes.
const MAX_SHOWN: usize = 200;

/// What a document may have besides what is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FurtherKeys {
    /// Any further keys.
    Ignored,
    /// Nothing.
    Found,
}

/// Returns a sentence for each difference below `place`. Lists are compared element by element.
pub(super) fn differences(place: &str, expected: &Value, found: &Value, further: FurtherKeys) -> Vec<String> {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            let missing = expected.iter().flat_map(|(key, value)| {
                let place = format!("{place}.{key}");
                match found.get(key) {
                    Some(found) => differences(&place, value, found, further),
                    None => vec![format!("{place}: expected {}, found nothing", shown(value))],
                }
            });
            let more =
                found.iter().filter(|(key, _)| further == FurtherKeys::Found && !expected.contains_key(*key));
            let more =
                more.map(|(key, value)| format!("{place}.{key}: expected nothing, found {}", shown(value)));
            missing.chain(more).collect()
        }
        (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => expected
            .iter()
            .zip(found)
            .enumerate()
            .flat_map(|(at, (expected, found))| {
                differences(&format!("{place}[{at}]"), expected, found, further)
            })
            .collect(),
        (expected, found) if expected == found => Vec::new(),
        (expected, found) => vec![differs(place, &shown(expected), &shown(found))],
    }
}

/// Returns the sentence for a difference.
pub(super) fn differs(place: impl fmt::Display, expected: &str, found: &str) -> String {
    format!("{place}: expected {expected}, found {found}")
}

/// Returns `value` on one line, escaped and truncated.
pub(super) fn shown(value: &Value) -> String {
    let json = value.to_string();
    let shown = text::escaped_within(&json, MAX_SHOWN);
    if text::escaped(&json).len() > shown.len() { shown + "…" } else { shown }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_difference_is_named_with_its_place_and_both_values() {
        let expected =
            json!({"status": "erased", "items": [{"change": "applied"}, {"change": "applied"}], "key": 1});
        let found =
            json!({"status": "accepted", "items": [{"change": "applied"}, {"change": "refused"}], "more": 2});
        let ignored = differences("outcome", &expected, &found, FurtherKeys::Ignored);
        assert_eq!(
            ignored,
            [
                r#"outcome.items[1].change: expected "applied", found "refused""#,
                "outcome.key: expected 1, found nothing",
                r#"outcome.status: expected "erased", found "accepted""#,
            ]
        );
        let all = differences("body", &expected, &found, FurtherKeys::Found);
        assert_eq!(all.last().unwrap(), "body.more: expected nothing, found 2");
        let lists = differences("body", &json!([1]), &json!([1, 2]), FurtherKeys::Ignored);
        assert_eq!(lists, ["body: expected [1], found [1,2]"]);
        assert_eq!(differences("body", &found, &found, FurtherKeys::Found), [""; 0]);
    }

    #[test]
    fn a_value_is_shown_escaped_and_truncated() {
        assert_eq!(shown(&json!("a\u{202e}")), r#""a\u{202e}""#);
        let long = shown(&json!("a".repeat(1_000)));
        assert_eq!((long.len(), long.ends_with('…')), (MAX_SHOWN + '…'.len_utf8(), true));
    }
}
