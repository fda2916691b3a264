//! What records and operators read.

use std::collections::BTreeSet;

use host_model::{contract::ContractVersion, digest::Digest, unread::Unread};
use host_trust::{
    ConformanceResult, Doubled, HighWaterMark, KeyError, KeyKind, NoTrustedKey, Refusal, TrustedKey,
    UnfitStatement,
};
use strum::VariantNames as _;

use crate::publisher::revision;

/// Each refusal with its code and its text, as sentences about the component.
fn all() -> Vec<(Refusal, &'static str, String)> {
    let plugin = || "newsletter".to_owned();
    let digest = |byte: &str| format!("sha256:{}", byte.repeat(32));
    let [old, new] = [Digest([0xaa; 32]), Digest([0xbb; 32])];
    let mark = HighWaterMark { revision: revision(8), digest: old };
    let unread = || Unread {
        place: "mediaType".to_owned(),
        found: "invalid type: null".to_owned(),
        expected: Some("a string".to_owned()),
    };
    let key = TrustedKey::from_pem(include_bytes!("../fixtures/publisher.pub")).unwrap().fingerprint();
    vec![
        (Refusal::NoBundle { plugin: plugin() }, "no-bundle", "has no bundle, and plugin `newsletter` requires a signature: get the bundle from the publisher, and put it beside the component, as its file's name with `.sigstore.json` appended".to_owned()),
        (Refusal::BundleTooLarge { found: 300_000 }, "bundle-too-large", "has a bundle of 300000 bytes; expected at most 262144: it is not a bundle of one signature".to_owned()),
        (Refusal::UnreadableBundle(unread()), "unreadable-bundle", "has an unreadable bundle: mediaType: invalid type: null, expected a string; get the bundle from the publisher again".to_owned()),
        (Refusal::OtherBundle { found: "a\u{202e}b".to_owned() }, "other-bundle", "has a bundle of type `a\\u{202e}b`; expected `application/vnd.dev.sigstore.bundle.v0.3+json`: have it signed again as a Sigstore bundle of version 0.3".to_owned()),
        (Refusal::Stripped, "stripped", "has a bundle without a signature, which proves nothing: get the bundle from the publisher again; if it never had a signature, do not load the component".to_owned()),
        (Refusal::Doubled(Doubled::Signatures(2)), "doubled", "has an ambiguous bundle: it has 2 signatures; expected exactly one: sign the release with one key".to_owned()),
        (Refusal::ForeignKey { plugin: plugin(), trusted: vec![key, key] }, "foreign-key", format!("is not signed by a key that is trusted for plugin `newsletter`; expected a signature by {key} or {key}: either another key signed it, or it was changed afterwards; get the component and its bundle from the publisher again, or, if the publisher has a new key, confirm its fingerprint with them and trust it")),
        (Refusal::Swapped { signed: old, found: new }, "swapped", format!("has the digest {}, but its bundle is for {}: get the component and the bundle of one release from the publisher", digest("bb"), digest("aa"))),
        (Refusal::OtherStatement { found: "x".repeat(200), expected: "urn:saas-connector:release:v1" }, "other-statement", format!("is signed with a statement of type `{}`; expected `urn:saas-connector:release:v1`: have the publisher sign the release as a plugin", "x".repeat(100))),
        (Refusal::UnreadableStatement(unread()), "unreadable-statement", "is signed with an unreadable statement: mediaType: invalid type: null, expected a string; have the publisher sign it again with a current version".to_owned()),
        (Refusal::UnfitStatement(UnfitStatement::Name), "unfit-statement", "is signed with a statement that cannot be used: the plugin's name has to be lower-case letters and digits with single dashes between them, at most 64 characters; have the publisher sign it again".to_owned()),
        (Refusal::OtherPlugin { signed: "analytics".to_owned(), plugin: plugin() }, "other-plugin", "is signed for plugin `analytics`, not for `newsletter`: load it under that name, or have the publisher sign it for this one".to_owned()),
        (Refusal::NoStatement { plugin: plugin() }, "no-statement", "is signed without a statement, which plugin `newsletter` requires: have the publisher sign it with `connector-host plugin sign`".to_owned()),
        (Refusal::NoRevision { plugin: plugin(), mark }, "no-revision", "is signed without a statement, so it may be older than revision 8 of plugin `newsletter`, which was admitted before: have the publisher sign it with `connector-host plugin sign`".to_owned()),
        (Refusal::NotPassed { found: ConformanceResult::Incomplete }, "not-passed", "is signed as a release whose conformance run ended as `incomplete`; expected `passed`: have the publisher sign a release that passed".to_owned()),
        (Refusal::Expired { not_after: 1_800_000_000_000, now: i64::MAX }, "expired", "is signed as valid until 2027-01-15T08:00:00Z, and it is 9223372036854775807 ms since 1970 now: get a current release from the publisher, or check this machine's clock".to_owned()),
        (Refusal::Replayed { found: revision(7), mark }, "replayed", "is revision 7, older than revision 8 that was admitted before: get a newer release from the publisher; to return to a version that already served, put it back instead of publishing it".to_owned()),
        (Refusal::UnknownRevision { plugin: plugin() }, "unknown-revision", "may be older than a revision of plugin `newsletter` that was admitted before: which one that was is not known, since its record was changed from outside; find out who can write the database, then run `connector-host plugin restore-revision newsletter`".to_owned()),
        (Refusal::RevisionTaken { found: new, mark }, "revision-taken", format!("is revision 8 with the digest {}, but that revision was admitted as {}: two releases have the same number; have the publisher sign it with a higher revision", digest("bb"), digest("aa"))),
        (Refusal::NeverServed { found: new, served: old }, "never-served", format!("has the digest {}, but the version to put back is {}: its bytes are not those that served", digest("bb"), digest("aa"))),
        (Refusal::OtherContract { signed: ContractVersion::V0_2_0, found: ContractVersion::V0_1_0 }, "other-contract", "uses contract 0.1.0, but is signed as using 0.2.0: have the publisher sign what it built".to_owned()),
        (Refusal::OtherManifest { signed: old, found: new }, "other-manifest", format!("has a manifest with the digest {}, but is signed as having {}: have the publisher sign what it built", digest("bb"), digest("aa"))),
    ]
}

#[test]
fn every_refusal_has_its_own_code_and_says_what_was_found_what_is_expected_and_what_to_do() {
    let mut codes = BTreeSet::new();
    for (refusal, code, text) in all() {
        assert_eq!(refusal.code(), code);
        assert_eq!(refusal.to_string(), text);
        codes.insert(code);
    }
    assert_eq!(codes, Refusal::VARIANTS.iter().copied().collect());
}

#[test]
fn each_doubling_is_described() {
    for (doubled, text) in [
        (Doubled::Bundles, "has more text after the bundle; expected one bundle"),
        (
            Doubled::Contents,
            "has both an envelope with a statement and a signature of the component itself; expected one of them",
        ),
        (Doubled::Subjects(2), "has a statement about 2 components; expected a statement about one"),
        (Doubled::Fields, "has a field twice; expected each field once"),
    ] {
        assert_eq!(doubled.to_string(), text);
    }
}

#[test]
fn an_error_about_a_key_says_which_key_is_expected_and_how_to_make_one() {
    let public = KeyKind::Public;
    let made =
        "as `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256` writes it, without a password";
    for (error, text) in [
        (
            KeyError::NotPem { expected: public },
            "is not PEM: expected base64 between `-----BEGIN PUBLIC KEY-----` and `-----END PUBLIC KEY-----`"
                .to_owned(),
        ),
        (
            KeyError::NoSection { expected: public },
            "contains no key that can be read; expected `PUBLIC KEY`, as `openssl pkey -pubout` writes it"
                .to_owned(),
        ),
        (
            KeyError::Sections { found: 2, expected: public },
            "contains 2 sections of PEM; expected one, `PUBLIC KEY`: give each key by itself".to_owned(),
        ),
        (
            KeyError::OtherSection { expected: KeyKind::Private },
            format!("contains another kind of PEM; expected `PRIVATE KEY`, {made}"),
        ),
        (
            KeyError::NotP256 { expected: KeyKind::Private },
            format!("is not a key on the curve P-256 with an uncompressed public key, {made}"),
        ),
        (
            KeyError::NotOnCurve,
            "is damaged: its point is not on the curve P-256; copy the key again".to_owned(),
        ),
    ] {
        assert_eq!(error.to_string(), text);
    }
    assert_eq!(
        NoTrustedKey.to_string(),
        "lists no trusted key; expected at least one, since no signature could be accepted"
    );
}
