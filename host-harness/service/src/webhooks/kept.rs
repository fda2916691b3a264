//! A delivery as it is kept: sealed, since bodies hold people, and known again by a keyed digest.

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use host_model::contract::webhook::Delivery;
use host_store::{PersonKey, StoreError, Vault};

#[derive(Serialize, Deserialize)]
struct Written {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: String,
    received_at_ms: u64,
}

/// `delivery`, sealed for the row `id`.
pub(super) fn seal(vault: &Vault, id: &str, delivery: &Delivery) -> Result<Vec<u8>, StoreError> {
    let Delivery { method, url, headers, body, received_at_ms } = delivery.clone();
    let written = Written { method, url, headers, body: STANDARD_NO_PAD.encode(body), received_at_ms };
    vault.seal_json(&place(id), &written)
}

/// The delivery that was sealed for the row `id`.
pub(super) fn open(vault: &Vault, id: &str, sealed: &[u8]) -> Result<Delivery, StoreError> {
    let Written { method, url, headers, body, received_at_ms } = vault.open_json(&place(id), sealed)?;
    let body = STANDARD_NO_PAD
        .decode(body)
        .map_err(|_| StoreError::Unreadable(format!("the body of the webhook delivery {id}")))?;
    Ok(Delivery { method, url, headers, body, received_at_ms })
}

fn place(id: &str) -> String {
    format!("delivery {id}")
}

/// The same for the same delivery sent again, to the byte. Of one that is not shown to be the vendor's nothing less is a
/// repeat: a forged one would keep out the one that it resembles, with the vendor's signature on it.
pub(super) fn digest_of_all(key: &PersonKey, delivery: &Delivery) -> [u8; 32] {
    let headers = delivery.headers.iter().map(|(name, value)| format!("{name}: {value}\n"));
    let head = format!("unproven {}\n{}\n", delivery.url, headers.collect::<String>());
    key.digest(&[head.as_bytes(), &delivery.body].concat())
}

/// The same for the same delivery sent again: over its address, which has no token any more, and its body, whatever the
/// order and spacing of a JSON body's fields.
pub(super) fn digest(key: &PersonKey, delivery: &Delivery) -> [u8; 32] {
    let body = canonical(&delivery.body).unwrap_or_else(|| delivery.body.clone());
    key.digest(&[delivery.url.as_bytes(), b"\n", &body].concat())
}

/// JSON with its fields in order; none where it is no JSON, or has a number that might not come through.
fn canonical(body: &[u8]) -> Option<Vec<u8>> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let mut text = String::new();
    write(&value, &mut text)?;
    Some(text.into_bytes())
}

fn write(value: &Value, text: &mut String) -> Option<()> {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(name, _)| *name);
            text.push('{');
            for (name, value) in fields {
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push(':');
                write(value, text)?;
                text.push(',');
            }
            text.push('}');
        }
        Value::Array(values) => {
            text.push('[');
            for value in values {
                write(value, text)?;
                text.push(',');
            }
            text.push(']');
        }
        // A long id that is read as a fraction is no longer told from its neighbours.
        Value::Number(number) if number.is_f64() => return None,
        plain => text.push_str(&plain.to_string()),
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn same(one: &str, other: &str) -> bool {
        let canonical = |body: &str| canonical(body.as_bytes()).unwrap_or_else(|| body.as_bytes().to_vec());
        canonical(one) == canonical(other)
    }

    #[test]
    fn a_repeat_is_known_however_its_fields_are_ordered_and_spaced_and_nothing_else_is_one() {
        assert!(same(r#"{"a":1,"b":[{"d":2,"c":null}]}"#, r#"{ "b": [ {"c":null, "d":2} ], "a": 1 }"#));
        for (one, other) in [
            (r#"{"a":1}"#, r#"{"a":2}"#),
            (r#"{"a":[1,2]}"#, r#"{"a":[2,1]}"#),
            (r#"{"a":"1"}"#, r#"{"a":1}"#),
            (r#"{"id":123456789012345678901}"#, r#"{"id":123456789012345678902}"#),
            (r#"["a,b"]"#, r#"["a","b"]"#),
            ("a=1&b=2", "b=2&a=1"),
            ("", "{}"),
        ] {
            assert!(!same(one, other), "{one} {other}");
        }
    }

    proptest! {
        #[test]
        fn no_body_panics_the_canonical_form(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _form = canonical(&body);
        }
    }
}
