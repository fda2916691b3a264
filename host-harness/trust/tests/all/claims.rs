//! What a bundle says about itself.

use host_model::digest::Digest;
use host_trust::{BundleClaims, ClaimedContent, Refusal};
use serde_json::{Value, json};

use crate::publisher::{COMPONENT, Publisher, release};

fn claims(bundle: &Value) -> BundleClaims {
    BundleClaims::read(bundle.to_string().as_bytes()).unwrap()
}

#[test]
fn a_bundle_claims_what_its_statement_says_and_the_key_that_it_names_whether_or_not_they_are_true() {
    let publisher = Publisher::new();
    let bundle = publisher.key.sign(&release()).unwrap();
    let read = BundleClaims::read(bundle.as_bytes()).unwrap();
    assert_eq!(read.content, ClaimedContent::Statement(release()));
    assert_eq!(read.key, Some(publisher.key.public().fingerprint().to_string()));
    assert_eq!(read.digest(), Some(Digest::of(COMPONENT)));
    // Nothing is verified.
    let mut forged: Value = serde_json::from_str(&bundle).unwrap();
    forged["dsseEnvelope"]["signatures"][0]["sig"] = json!("AAAA");
    assert_eq!(claims(&forged), read);
    for (hint, key) in [
        (json!("a\u{1b}[31mkey"), Some("a\\u{1b}[31mkey")),
        (json!(""), None),
        (json!(7), None),
        (Value::Null, None),
    ] {
        forged["verificationMaterial"]["publicKey"]["hint"] = hint;
        assert_eq!(claims(&forged).key.as_deref(), key);
    }
}

#[test]
fn what_would_be_refused_whatever_is_trusted_has_no_claims() {
    let bundle = Publisher::new().key.sign(&release()).unwrap();
    let mut stripped: Value = serde_json::from_str(&bundle).unwrap();
    stripped["dsseEnvelope"]["signatures"] = json!([]);
    assert_eq!(BundleClaims::read(stripped.to_string().as_bytes()), Err(Refusal::Stripped));
    assert!(matches!(BundleClaims::read(format!("{bundle}{bundle}").as_bytes()), Err(Refusal::Doubled(_))));
    let mut other: Value = serde_json::from_str(&bundle).unwrap();
    other["dsseEnvelope"]["payloadType"] = json!("text/plain");
    assert!(matches!(BundleClaims::read(other.to_string().as_bytes()), Err(Refusal::OtherStatement { .. })));
}
