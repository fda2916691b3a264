//! The digest of a manifest.

use std::collections::BTreeMap;

use serde_json::Value;

use super::manifest::Manifest;
use crate::digest::Digest;

impl Manifest {
    /// Returns its digest, by which a release's statement names it: the SHA-256 of its JSON, with the contract's words as
    /// keys, keys in the order of their bytes, no space, and without every member that is `null`, `false`, or an empty text,
    /// list or object. So it stays the same when a later version of the contract has more fields, which are empty for a
    /// component of an earlier one.
    pub fn digest(&self) -> Digest {
        // It has no map whose keys are not text, and no float, so it is always written.
        let written = serde_json::to_value(self).map(without_empty).unwrap_or_default();
        Digest::of(written.to_string().as_bytes())
    }
}

/// Returns a value without its empty members, with its keys in order.
fn without_empty(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members: BTreeMap<_, _> =
                members.into_iter().map(|(key, value)| (key, without_empty(value))).collect();
            Value::Object(members.into_iter().filter(|(_, value)| !is_empty(value)).collect())
        }
        Value::Array(values) => Value::Array(values.into_iter().map(without_empty).collect()),
        value => value,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::contract::manifest::IdentifierKind;

    fn manifest() -> Manifest {
        Manifest {
            name: "newsletter".to_owned(),
            version: "1.4.0".to_owned(),
            identifier_kinds: vec![IdentifierKind::unique("email")],
            ..Manifest::default()
        }
    }

    #[test]
    fn the_digest_is_over_what_is_there_in_the_contracts_words() {
        let text = r#"{"identifier-kinds":[{"identifies":"always","name":"email"}],"name":"newsletter","version":"1.4.0"}"#;
        assert_eq!(manifest().digest(), Digest::of(text.as_bytes()));
    }

    #[test]
    fn a_field_that_a_later_program_adds_and_a_component_leaves_empty_does_not_change_the_digest() {
        let mut later = serde_json::to_value(manifest()).unwrap();
        let before = without_empty(later.clone());
        for (field, empty) in [
            ("a-text", json!("")),
            ("a-list", json!([])),
            ("an-option", json!(null)),
            ("a-flag", json!(false)),
        ] {
            later[field] = empty.clone();
            later["identifier-kinds"][0][field] = empty;
        }
        assert_eq!(without_empty(later), before);
    }

    #[test]
    fn each_difference_changes_the_digest() {
        let other = Manifest { webhook_token_slot: None, vendor: "Newsletter".to_owned(), ..manifest() };
        assert_ne!(other.digest(), manifest().digest());
        let two = vec![IdentifierKind::unique("email"), IdentifierKind::unique("id")];
        let reordered = two.iter().rev().cloned().collect();
        let of = |identifier_kinds| Manifest { identifier_kinds, ..manifest() }.digest();
        assert_ne!(of(two), of(reordered));
    }
}
