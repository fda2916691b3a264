//! Stored deliveries: sealed, because bodies contain personal data, and recognized by a keyed digest.

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use host_model::contract::webhook::Delivery;
use host_store::{PersonKey, StoreError, Vault};

#[derive(Serialize, Deserialize)]
struct StoredDelivery {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: String,
    received_at_ms: u64,
}

/// Seals `delivery` for the row `id`.
pub(super) fn seal(vault: &Vault, id: &str, delivery: &Delivery) -> Result<Vec<u8>, StoreError> {
    let Delivery { method, url, headers, body, received_at_ms } = delivery.clone();
    let written = StoredDelivery { method, url, headers, body: STANDARD_NO_PAD.encode(body), received_at_ms };
    vault.seal_json(&sealing_context(id), &written)
}

/// Opens the delivery that was sealed for the row `id`.
pub(crate) fn open(vault: &Vault, id: &str, sealed: &[u8]) -> Result<Delivery, StoreError> {
    let StoredDelivery { method, url, headers, body, received_at_ms } =
        vault.open_json(&sealing_context(id), sealed)?;
    let body = STANDARD_NO_PAD
        .decode(body)
        .map_err(|_| StoreError::Unreadable(format!("the body of the webhook delivery {id}")))?;
    Ok(Delivery { method, url, headers, body, received_at_ms })
}

fn sealing_context(id: &str) -> String {
    format!("delivery {id}")
}

/// Returns a digest that is equal only for a repeat that is identical byte for byte. A delivery that is not proven to
/// be the vendor's must match completely: otherwise a forged one would keep out the real one that it resembles,
/// together with the vendor's signature.
pub(super) fn digest_of_all(key: &PersonKey, delivery: &Delivery) -> [u8; 32] {
    let headers = delivery.headers.iter().map(|(name, value)| format!("{name}: {value}\n"));
    let head = format!("unproven {}\n{}\n", delivery.url, headers.collect::<String>());
    key.digest(&[head.as_bytes(), &delivery.body].concat())
}

/// Returns a digest that is equal for a repeat of the same delivery: over its address, from which the token has been
/// removed, and its body, regardless of the order and spacing of the fields in a JSON body.
pub(super) fn digest(key: &PersonKey, delivery: &Delivery) -> [u8; 32] {
    let body = canonical(&delivery.body).unwrap_or_else(|| delivery.body.clone());
    key.digest(&[delivery.url.as_bytes(), b"\n", &body].concat())
}

/// Returns JSON with its fields in order, or `None` if the body is not JSON or has a number that might be changed.
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
        // A long id that is parsed as a float could no longer be distinguished from nearby values.
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
        #![proptest_config(test_support::cases(256))]

        #[test]
        fn no_body_panics_the_canonical_form(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _form = canonical(&body);
        }
    }
}
