//! Deliveries: the token behind its placeholder, and signatures.

use connector_tests::{Bench, Vendor, plugin, secret, spec};
use hmac::{Hmac, Mac};
use host_harness::{
    connection::ConnectionSpec,
    contract::{
        TokenOutcome,
        webhook::{Delivery, Verdict},
    },
    door::AdmittedDelivery,
};

use super::*;

const BODY: &[u8] = br#"{"event":"unsubscribed"}"#;

/// Returns what the guest reports about a delivery with these headers.
async fn verified(headers: &[(&str, &str)], change: impl FnOnce(&mut ConnectionSpec)) -> Value {
    let plugin = plugin("puppet").await;
    let mut spec = spec("webhooks", &[]);
    spec.accepted_tokens = vec![secret("token-new-0123").into(), secret("token-old-0123").into()];
    change(&mut spec);
    let connection = spec.resolve(plugin.manifest()).unwrap();
    let delivery = Delivery {
        method: "POST".into(),
        url: "https://hooks.example.com/".into(),
        headers: headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
        body: BODY.to_vec(),
        received_at_ms: 0,
    };
    let admitted = AdmittedDelivery::admit(&connection, plugin.manifest(), delivery);
    match Bench::default().calls(&plugin, &spec).verify(&admitted).await.unwrap().unwrap() {
        Verdict::Unreadable(told) => serde_json::from_str(&told).unwrap(),
        verdict => panic!("{verdict:?}"),
    }
}

#[tokio::test]
async fn an_accepted_token_is_recognized_only_by_its_placeholder() {
    for token in ["token-new-0123", "token-old-0123"] {
        let told = verified(&[("authorization", &format!("OAuth2 {token}"))], |_| {}).await;
        assert_eq!(
            (&told["token"], &told["authorization"]),
            (&json!(true), &json!("OAuth2 accepted-webhook-token"))
        );
    }
    for wrong in ["token-new-012", "Bearer token-new-01234", "accepted-webhook-token", ""] {
        let told = verified(&[("authorization", wrong)], |_| {}).await;
        assert_eq!(told["token"], json!(false), "{wrong}");
    }
    // The placeholder itself is not accepted as a token.
    let told = verified(&[("x-guess", "accepted-webhook-token")], |_| {}).await;
    assert_eq!((&told["token"], &told["guessed"]), (&json!(false), &json!(false)));
    let headers = [("authorization", "Bearer wrong-0123"), ("x-guess", "accepted-webhook-token")];
    assert_eq!(verified(&headers, |_| {}).await["guessed"], json!(false));
}

fn signature<M: Mac + hmac::digest::KeyInit>(key: &[u8]) -> String {
    hex::encode(<M as Mac>::new_from_slice(key).unwrap().chain_update(BODY).finalize().into_bytes())
}

#[tokio::test]
async fn a_signature_is_accepted_under_its_hash_and_key_form_alone() {
    let key: &[u8] = b"signing key of 24 bytes.";
    let (text, hexed, based) =
        ("signing key of 24 bytes.", hex::encode(key), "c2lnbmluZyBrZXkgb2YgMjQgYnl0ZXMu".to_owned());
    let sha256 = signature::<Hmac<sha2::Sha256>>(key);
    for (signature, written, accepted) in [
        (&sha256, text.to_owned(), "sha256 text"),
        (&sha256, hexed, "sha256 hex"),
        (&sha256, based.clone(), "sha256 base64"),
        (&sha256, format!("whsec_{based}"), "sha256 base64"),
        (&signature::<Hmac<sha1::Sha1>>(key), text.to_owned(), "sha1 text"),
        (&signature::<Hmac<sha2::Sha512>>(key), text.to_owned(), "sha512 text"),
    ] {
        let signing =
            |spec: &mut ConnectionSpec| drop(spec.secrets.insert("signing-key".into(), secret(&written)));
        let told = verified(&[("x-signature", signature)], signing).await;
        assert_eq!(told["hmac"], json!([accepted]), "{written}");
    }
    let signing = |spec: &mut ConnectionSpec| drop(spec.secrets.insert("signing-key".into(), secret(text)));
    assert_eq!(verified(&[("x-signature", &sha256[..62])], signing).await["hmac"], json!([]));
    assert_eq!(verified(&[("x-signature", &sha256)], |_| {}).await["hmac"], json!([]));
}

#[tokio::test]
async fn the_token_to_install_is_written_by_the_host_alone() {
    let vendor = Vendor::agreeable().await;
    let calls = puppet("install", &vendor, json!([]), |spec| {
        spec.token_to_install = Some(secret("t-0123456789"));
    })
    .await;
    assert_eq!(calls.install_token().await, Ok(Ok(TokenOutcome::Installed)));
    assert_eq!(vendor.lines(), ["PUT /webhook"]);
    assert_eq!(vendor.received()[0].text(), r#"{"authToken":"t-0123456789"}"#);
    let without = puppet("install", &vendor, json!([]), |_| {}).await;
    let error = without.install_token().await.unwrap().unwrap_err();
    assert!(
        error.message.contains("operation install: connection install has no webhook token to install"),
        "{error}"
    );
    assert_eq!(vendor.lines().len(), 1);
}

#[tokio::test]
async fn calls_that_install_a_fresh_token_leave_the_connection_and_its_deliveries_as_they_are() {
    let vendor = Vendor::agreeable().await;
    let calls = puppet("rotate", &vendor, json!([]), |spec| {
        spec.token_to_install = Some(secret("t-from-before"));
    })
    .await;
    let fresh = calls.clone().installing(secret("t-fresh-0123"));
    assert_eq!(fresh.install_token().await, Ok(Ok(TokenOutcome::Installed)));
    assert_eq!(calls.install_token().await, Ok(Ok(TokenOutcome::Installed)));
    let sent: Vec<_> = vendor.received().iter().map(connector_tests::Received::text).collect();
    assert_eq!(sent, [r#"{"authToken":"t-fresh-0123"}"#, r#"{"authToken":"t-from-before"}"#]);
    let accepts =
        |token: &[u8]| fresh.connection().accepted_tokens.iter().any(|accepted| accepted.matches(token));
    assert!(accepts(b"t-from-before") && !accepts(b"t-fresh-0123"));
}
