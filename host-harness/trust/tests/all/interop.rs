//! Sigstore's own JavaScript libraries and this crate read each other's bundles. `tests/interop/record.mjs` recorded the
//! fixtures, and says how to record them again.

use host_model::digest::Digest;
use host_trust::{Refusal, Required, Signed, SignedContent, Statement, Trust, TrustedKey};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::publisher::{NOW, PLUGIN, Publisher, release, verify};

const COMPONENT: &[u8] = include_bytes!("../fixtures/component.wasm");
const PUBLISHER: &[u8] = include_bytes!("../fixtures/publisher.pub");
const STRANGER: &[u8] = include_bytes!("../fixtures/stranger.pub");
const BY_HOST_TRUST: &str = include_str!("../fixtures/host-trust-statement.sigstore.json");
const STATEMENT: &str = include_str!("../fixtures/sigstore-statement.sigstore.json");
const SIGNATURE: &str = include_str!("../fixtures/sigstore-component.sigstore.json");
const SIGNATURE_V02: &str = include_str!("../fixtures/sigstore-component-v02.sigstore.json");
const VERIFIED: &str = include_str!("../fixtures/verified-by-sigstore.json");

/// The recorded statement.
fn recorded() -> Statement {
    let not_after = "2027-06-30T12:00:00Z".parse::<Timestamp>().unwrap().as_millisecond();
    Statement { digest: Digest::of(COMPONENT), not_after, manifest: Digest::of(b"the manifest"), ..release() }
}

fn read(bundle: &str, key: &[u8], component: &[u8]) -> Result<Signed, Refusal> {
    let trust = Trust::new(PLUGIN, TrustedKey::from_pem(key).unwrap(), Required::Signature);
    trust.verify(component, Some(bundle.as_bytes()), crate::publisher::FIRST, NOW)
}

#[test]
fn what_sigstore_signed_is_trusted_if_its_key_is_and_the_component_is_unchanged() {
    let publisher = TrustedKey::from_pem(PUBLISHER).unwrap().fingerprint();
    let stranger = TrustedKey::from_pem(STRANGER).unwrap().fingerprint();
    let changed = [COMPONENT, b"\0"].concat();
    for (bundle, content) in
        [(STATEMENT, SignedContent::Statement(recorded())), (SIGNATURE, SignedContent::Component)]
    {
        let signed = read(bundle, PUBLISHER, COMPONENT).unwrap();
        assert_eq!((signed.key(), signed.content()), (publisher, &content));
        let swapped = Refusal::Swapped { signed: Digest::of(COMPONENT), found: Digest::of(&changed) };
        assert_eq!(read(bundle, PUBLISHER, &changed), Err(swapped));
        let foreign = Refusal::ForeignKey { plugin: PLUGIN.to_owned(), trusted: vec![stranger] };
        assert_eq!(read(bundle, STRANGER, COMPONENT), Err(foreign));
    }
}

#[test]
fn the_signature_that_sigstore_writes_by_default_is_of_version_0_2_and_refused_as_that() {
    let found = "application/vnd.dev.sigstore.bundle+json;version=0.2".to_owned();
    assert_eq!(read(SIGNATURE_V02, PUBLISHER, COMPONENT), Err(Refusal::OtherBundle { found }));
}

#[test]
fn sigstore_accepted_what_this_crate_signed_and_refused_it_changed_or_by_another_key() {
    let record: Value = serde_json::from_str(VERIFIED).unwrap();
    for (name, bundle) in [
        ("host-trust-statement", BY_HOST_TRUST),
        ("sigstore-statement", STATEMENT),
        ("sigstore-component", SIGNATURE),
    ] {
        let expected = json!({
            "sha256": hex::encode(Digest::of(bundle.as_bytes()).0),
            "as-signed": "accepted",
            "changed": "SIGNATURE_ERROR",
            "by-a-strangers-key": "SIGNATURE_ERROR",
        });
        assert_eq!(record["results"][name], expected, "{name}");
    }
}

#[test]
fn this_crate_still_signs_as_it_did_when_sigstore_accepted_it() {
    let signed = read(BY_HOST_TRUST, PUBLISHER, COMPONENT).unwrap();
    assert_eq!(signed.statement(), Some(&recorded()));
    // What differs between two keys.
    let without_key = |mut bundle: Value| {
        for place in ["/verificationMaterial/publicKey/hint", "/dsseEnvelope/signatures/0/sig"] {
            let text = bundle.pointer_mut(place).unwrap();
            assert!(text.as_str().is_some_and(|text| !text.is_empty()), "{place}");
            *text = Value::Null;
        }
        bundle
    };
    let publisher = Publisher::new();
    let today = publisher.bundle(&recorded());
    assert!(verify(&publisher.trusted(), COMPONENT, &today).is_ok());
    assert_eq!(without_key(today), without_key(serde_json::from_str(BY_HOST_TRUST).unwrap()));
}
