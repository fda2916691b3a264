//! Stripped, swapped, doubled and foreign bundles, and that nothing in a bundle weakens what is trusted.

use host_model::{digest::Digest, unread::Unread};
use host_trust::{Doubled, MAX_BUNDLE_BYTES, Refusal, Required, SignedContent, Trust, TrustedKeys};
use serde_json::{Value, json};

use crate::publisher::{COMPONENT, FIRST, NOW, PLUGIN, Publisher, foreign_to, release, verify};

/// Both forms of a bundle of [`COMPONENT`].
fn both(publisher: &Publisher) -> [Value; 2] {
    [publisher.bundle(&release()), publisher.component_bundle(COMPONENT)]
}

#[test]
fn what_a_trusted_key_signed_is_trusted_and_the_outcome_says_which_key_and_what_it_signed() {
    let publisher = Publisher::new();
    let [statement, component] = both(&publisher).map(|bundle| {
        let signed = verify(&publisher.trusted(), COMPONENT, &bundle).unwrap();
        assert_eq!(signed.key(), publisher.key.public().fingerprint());
        assert_eq!(signed.digest(), Digest::of(COMPONENT));
        signed
    });
    assert_eq!(statement.content(), &SignedContent::Statement(release()));
    assert_eq!(component.content(), &SignedContent::Component);
}

#[test]
fn each_of_several_keys_is_trusted_and_the_outcome_says_which_one_signed() {
    let (old, new) = (Publisher::new(), Publisher::new());
    let keys = TrustedKeys::try_from(vec![old.key.public(), new.key.public()]).unwrap();
    let trust = Trust::new(PLUGIN, keys, Required::Statement);
    for publisher in [&old, &new] {
        let signed = verify(&trust, COMPONENT, &publisher.bundle(&release())).unwrap();
        assert_eq!(signed.key(), publisher.key.public().fingerprint());
    }
}

#[test]
fn a_component_without_its_bundle_is_refused() {
    let trust = Publisher::new().trusted();
    let refused = trust.verify(COMPONENT, None, FIRST, NOW).unwrap_err();
    assert_eq!(refused, Refusal::NoBundle { plugin: PLUGIN.to_owned() });
}

#[test]
fn a_bundle_that_was_stripped_of_its_signature_is_refused() {
    let publisher = Publisher::new();
    let [statement, component] = both(&publisher);
    let without = |bundle: &Value, place: &str, value: Value| {
        let mut bundle = bundle.clone();
        *bundle.pointer_mut(place).unwrap() = value;
        bundle
    };
    for stripped in [
        without(&statement, "/dsseEnvelope", Value::Null),
        without(&statement, "/dsseEnvelope/signatures", json!([])),
        without(&statement, "/dsseEnvelope/signatures", Value::Null),
        without(&statement, "/dsseEnvelope/signatures/0", json!({"keyid": "any"})),
        without(&statement, "/dsseEnvelope/signatures/0/sig", json!("")),
        without(&component, "/messageSignature", Value::Null),
        without(&component, "/messageSignature", json!({})),
        without(&component, "/messageSignature/signature", json!("")),
        json!({"mediaType": host_trust::BUNDLE_TYPE}),
    ] {
        assert_eq!(verify(&publisher.trusted(), COMPONENT, &stripped), Err(Refusal::Stripped), "{stripped}");
    }
}

#[test]
fn a_bundle_of_another_component_is_refused_as_swapped() {
    let publisher = Publisher::new();
    let other = b"\0asm\r\0\x01\0 release 8";
    for bundle in both(&publisher) {
        let swapped = Refusal::Swapped { signed: Digest::of(COMPONENT), found: Digest::of(other) };
        assert_eq!(verify(&publisher.trusted(), other, &bundle), Err(swapped), "{bundle}");
    }
}

#[test]
fn two_signatures_are_refused_even_if_one_or_both_are_by_a_trusted_key() {
    let (publisher, stranger) = (Publisher::new(), Publisher::new());
    let signature =
        |publisher: &Publisher| publisher.bundle(&release())["dsseEnvelope"]["signatures"][0].clone();
    for signatures in [
        [signature(&publisher), signature(&stranger)],
        [signature(&stranger), signature(&publisher)],
        [signature(&publisher), signature(&publisher)],
    ] {
        let mut bundle = publisher.bundle(&release());
        bundle["dsseEnvelope"]["signatures"] = json!(signatures);
        let doubled = Refusal::Doubled(Doubled::Signatures(2));
        assert_eq!(verify(&publisher.trusted(), COMPONENT, &bundle), Err(doubled));
    }
}

#[test]
fn a_bundle_with_both_contents_is_refused_even_if_both_are_signed() {
    let publisher = Publisher::new();
    let [mut bundle, component] = both(&publisher);
    bundle["messageSignature"] = component["messageSignature"].clone();
    let doubled = Refusal::Doubled(Doubled::Contents);
    assert_eq!(verify(&publisher.trusted(), COMPONENT, &bundle), Err(doubled));
}

#[test]
fn a_second_bundle_in_the_file_and_a_field_that_occurs_twice_are_refused() {
    let publisher = Publisher::new();
    for bundle in both(&publisher) {
        let text = bundle.to_string();
        let field = if text.contains("dsseEnvelope") { "dsseEnvelope" } else { "messageSignature" };
        let twice = text.replacen('{', &format!("{{\"{field}\":{},", bundle[field]), 1);
        for (text, doubled) in [
            (format!("{text}\n{text}"), Doubled::Bundles),
            (format!("{text}x"), Doubled::Bundles),
            (twice, Doubled::Fields),
        ] {
            let refused = publisher.trusted().verify(COMPONENT, Some(text.as_bytes()), FIRST, NOW);
            assert_eq!(refused, Err(Refusal::Doubled(doubled)), "{text}");
        }
        let padded = format!(" {text}\n");
        assert!(publisher.trusted().verify(COMPONENT, Some(padded.as_bytes()), FIRST, NOW).is_ok());
    }
}

#[test]
fn a_bundle_without_names_of_fields_is_refused() {
    let publisher = Publisher::new();
    let bundle = publisher.bundle(&release());
    let envelope = &bundle["dsseEnvelope"];
    let listed = json!([envelope["payload"], envelope["payloadType"], envelope["signatures"]]);
    let mut within = bundle.clone();
    within["dsseEnvelope"] = listed;
    for (bundle, place) in [(json!([bundle["mediaType"], envelope, null]), ""), (within, "dsseEnvelope")] {
        let found = "invalid type: sequence".to_owned();
        let unread = Unread { place: place.to_owned(), found, expected: Some("a map".to_owned()) };
        let refused = verify(&publisher.trusted(), COMPONENT, &bundle);
        assert_eq!(refused, Err(Refusal::UnreadableBundle(unread)), "{bundle}");
    }
}

#[test]
fn a_name_cannot_be_taken_over_by_another_key() {
    let (publisher, stranger) = (Publisher::new(), Publisher::new());
    for bundle in both(&stranger) {
        assert!(verify(&stranger.trusted(), COMPONENT, &bundle).is_ok());
        let refused = verify(&publisher.trusted(), COMPONENT, &bundle);
        assert_eq!(refused, Err(foreign_to(&publisher)), "{bundle}");
    }
}

#[test]
fn a_key_that_is_trusted_for_two_names_signs_a_statement_for_one_of_them() {
    let publisher = Publisher::new();
    let other = Trust::new("analytics", publisher.key.public(), Required::Statement);
    let refused = verify(&other, COMPONENT, &publisher.bundle(&release()));
    let signed = PLUGIN.to_owned();
    assert_eq!(refused, Err(Refusal::OtherPlugin { signed, plugin: "analytics".to_owned() }));
}

#[test]
fn nothing_that_a_bundle_says_about_keys_makes_a_foreign_signature_trusted_or_a_trusted_one_foreign() {
    let (publisher, stranger) = (Publisher::new(), Publisher::new());
    let hint = |publisher: &Publisher| {
        publisher.bundle(&release())["verificationMaterial"]["publicKey"]["hint"].clone()
    };
    for claimed in [hint(&publisher), hint(&stranger), json!(""), Value::Null] {
        for material in [
            json!({"publicKey": {"hint": claimed}}),
            json!({"certificate": {"rawBytes": "AAAA"}, "tlogEntries": [{"logIndex": "1"}]}),
            json!({"trusted": true, "skipVerification": true}),
            json!([claimed]),
            Value::Null,
        ] {
            let claiming = |mut bundle: Value| {
                bundle["verificationMaterial"] = material.clone();
                if let Some(signature) = bundle.pointer_mut("/dsseEnvelope/signatures/0") {
                    signature["keyid"] = claimed.clone();
                }
                bundle
            };
            for bundle in both(&stranger).map(claiming) {
                let refused = verify(&publisher.trusted(), COMPONENT, &bundle);
                assert_eq!(refused, Err(foreign_to(&publisher)), "{bundle}");
            }
            for bundle in both(&publisher).map(claiming) {
                assert!(verify(&publisher.trusted(), COMPONENT, &bundle).is_ok(), "{bundle}");
            }
        }
    }
}

#[test]
fn the_digest_that_a_bundle_claims_decides_the_reason_alone() {
    let (publisher, stranger) = (Publisher::new(), Publisher::new());
    let mut claiming = stranger.component_bundle(COMPONENT);
    let other = publisher.component_bundle(b"other")["messageSignature"]["messageDigest"].clone();
    for (claim, refused) in [
        (other.clone(), Refusal::Swapped { signed: Digest::of(b"other"), found: Digest::of(COMPONENT) }),
        (json!({"algorithm": "SHA2_512", "digest": other["digest"]}), foreign_to(&publisher)),
        (json!({"algorithm": "SHA2_256", "digest": "AAAA"}), foreign_to(&publisher)),
        (Value::Null, foreign_to(&publisher)),
    ] {
        claiming["messageSignature"]["messageDigest"] = claim;
        assert_eq!(verify(&publisher.trusted(), COMPONENT, &claiming), Err(refused), "{claiming}");
    }
    let mut bundle = publisher.component_bundle(COMPONENT);
    bundle["messageSignature"]["messageDigest"] = other;
    assert!(verify(&publisher.trusted(), COMPONENT, &bundle).is_ok());
}

#[test]
fn a_signature_over_the_payload_without_its_type_does_not_count() {
    let publisher = Publisher::new();
    let mut bundle = publisher.envelope_of(&json!({}));
    bundle["dsseEnvelope"]["signatures"][0]["sig"] = json!(publisher.signature(b"{}"));
    assert_eq!(verify(&publisher.trusted(), COMPONENT, &bundle), Err(foreign_to(&publisher)));
}

#[test]
fn both_spellings_of_the_version_are_read_and_no_other_version_is() {
    let publisher = Publisher::new();
    for bundle in both(&publisher) {
        let named = |media_type: &str| {
            let mut bundle = bundle.clone();
            bundle["mediaType"] = json!(media_type);
            verify(&publisher.trusted(), COMPONENT, &bundle)
        };
        assert!(named("application/vnd.dev.sigstore.bundle.v0.3+json").is_ok());
        assert!(named("application/vnd.dev.sigstore.bundle+json;version=0.3").is_ok());
        for found in ["application/vnd.dev.sigstore.bundle+json;version=0.2", "application/json", ""] {
            assert_eq!(named(found), Err(Refusal::OtherBundle { found: found.to_owned() }));
        }
    }
}

#[test]
fn base64_is_read_in_both_alphabets_with_and_without_padding() {
    let publisher = Publisher::new();
    // Signatures differ each time; one of which the alphabets differ comes soon.
    let mut bundles = (0..1_000).map(|_| publisher.bundle(&release()));
    let differs =
        |bundle: &Value| bundle["dsseEnvelope"]["signatures"][0]["sig"].to_string().contains(['+', '/']);
    let mut bundle = bundles.find(differs).unwrap();
    assert!(verify(&publisher.trusted(), COMPONENT, &bundle).is_ok());
    let other =
        |text: &Value| json!(text.as_str().unwrap().replace('+', "-").replace('/', "_").replace('=', ""));
    for place in ["/dsseEnvelope/signatures/0/sig", "/dsseEnvelope/payload"] {
        let text = bundle.pointer_mut(place).unwrap();
        *text = other(text);
        assert!(verify(&publisher.trusted(), COMPONENT, &bundle).is_ok(), "{bundle}");
    }
}

#[test]
fn a_bundle_is_read_up_to_its_maximum_size_and_no_further() {
    let publisher = Publisher::new();
    let mut text = publisher.bundle(&release()).to_string();
    text += &" ".repeat(MAX_BUNDLE_BYTES - text.len());
    assert!(publisher.trusted().verify(COMPONENT, Some(text.as_bytes()), FIRST, NOW).is_ok());
    text.push(' ');
    let refused = publisher.trusted().verify(COMPONENT, Some(text.as_bytes()), FIRST, NOW);
    assert_eq!(refused, Err(Refusal::BundleTooLarge { found: MAX_BUNDLE_BYTES + 1 }));
}
