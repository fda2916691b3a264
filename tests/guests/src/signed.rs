//! A connector whose vendor signs its deliveries with a key that the host keeps. Its versions share the code that reads
//! deliveries.

use crate::{
    base::{
        exports::privacy::saas_connector::connector::{Check, Manifest},
        privacy::saas_connector::{
            credentials,
            types::{Choice, Identifier, ItemId, Preference},
        },
    },
    parts,
    webhook_verify::exports::privacy::saas_connector::webhook_verify::{ConsentEvent, Delivery, Verdict},
};

/// The manifest that the versions share. It has no token slot, since signatures prove the deliveries.
pub fn manifest(version: &str) -> Manifest {
    Manifest {
        version: version.to_owned(),
        settings: vec![parts::secret("signing-key")],
        ..crate::manifest("signed")
    }
}

/// Returns no checks: nothing is sent to a vendor.
pub fn checks() -> Vec<Check> {
    Vec::new()
}

/// Verifies and reads `delivery`. The header `x-signature` contains the body's signature in hexadecimal. The body is
/// `opt-out ` followed by an address, or `nothing`.
pub fn verdict(delivery: &Delivery) -> Verdict {
    let signature = header(delivery, "x-signature").and_then(bytes).unwrap_or_default();
    let (hash, form) = (credentials::Hash::Sha256, credentials::KeyForm::Text);
    if !credentials::accepts_hmac(hash, "signing-key", form, &delivery.body, &signature) {
        return Verdict::Unauthenticated("the signature is not the vendor's".to_owned());
    }
    let body = String::from_utf8_lossy(&delivery.body);
    match (body.strip_prefix("opt-out "), body.as_ref()) {
        (Some(address), _) => Verdict::Authentic(vec![opt_out(address, delivery.received_at_ms)]),
        (None, "nothing") => Verdict::Authentic(Vec::new()),
        _ => Verdict::Unreadable("the vendor is not known to send this body".to_owned()),
    }
}

/// Returns the value of the header with this name.
pub fn header<'a>(delivery: &'a Delivery, name: &str) -> Option<&'a str> {
    delivery.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
}

fn bytes(hexadecimal: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        hexadecimal.chars().map(|digit| u8::try_from(digit.to_digit(16)?).ok()).collect();
    Some(digits?.chunks_exact(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect())
}

fn opt_out(address: &str, chosen_at_ms: u64) -> ConsentEvent {
    let item = ItemId { kind: "channel".to_owned(), id: "1".to_owned() };
    ConsentEvent {
        subject: vec![Identifier { kind: "email".to_owned(), value: address.to_owned() }],
        preferences: vec![Preference {
            item,
            choice: Choice::OptOut,
            chosen_at_ms,
            source: "link".to_owned(),
        }],
        changed: Vec::new(),
        key: format!("opt-out {chosen_at_ms}"),
    }
}
