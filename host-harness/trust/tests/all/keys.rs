//! Which keys are read, and that none prints.

use std::path::Path;

use host_model::digest::Digest;
use host_trust::{KeyError, KeyKind, NoTrustedKey, ReleaseKey, TrustedKey, TrustedKeys, bundle_file};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _},
};

use crate::publisher::pem;

/// The head of a public key's DER, from RFC 5480: sequence, `id-ecPublicKey`, `prime256v1`, bit string.
const HEAD: &str = "3059301306072a8648ce3d020106082a8648ce3d030107034200";

fn pkcs8() -> Vec<u8> {
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new());
    document.unwrap().as_ref().to_vec()
}

fn spki(pkcs8: &[u8]) -> Vec<u8> {
    let pair =
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8, &SystemRandom::new()).unwrap();
    [hex::decode(HEAD).unwrap().as_slice(), pair.public_key().as_ref()].concat()
}

fn public(text: &str) -> Result<TrustedKey, KeyError> {
    TrustedKey::from_pem(text.as_bytes())
}

fn private(text: &str) -> Result<ReleaseKey, KeyError> {
    ReleaseKey::from_pem(text.as_bytes())
}

#[test]
fn a_public_key_is_identified_by_the_digest_of_its_der() {
    let spki = spki(&pkcs8());
    let key = public(&pem("PUBLIC KEY", &spki)).unwrap();
    assert_eq!(key.fingerprint().to_string(), Digest::of(&spki).to_string());
}

#[test]
fn a_private_key_has_the_public_key_that_belongs_to_it() {
    let pkcs8 = pkcs8();
    let key = private(&pem("PRIVATE KEY", &pkcs8)).unwrap();
    assert_eq!(Ok(key.public()), public(&pem("PUBLIC KEY", &spki(&pkcs8))));
}

#[test]
fn a_key_of_another_kind_is_refused() {
    let (spki, pkcs8) = (spki(&pkcs8()), pkcs8());
    let other = |expected| KeyError::OtherSection { expected };
    assert_eq!(public(&pem("PRIVATE KEY", &pkcs8)), Err(other(KeyKind::Public)));
    assert_eq!(public(&pem("CERTIFICATE", &spki)), Err(other(KeyKind::Public)));
    assert_eq!(private(&pem("PUBLIC KEY", &spki)).err(), Some(other(KeyKind::Private)));
    assert_eq!(private(&pem("EC PRIVATE KEY", &pkcs8)).err(), Some(other(KeyKind::Private)));
}

#[test]
fn a_second_key_in_the_text_and_a_text_without_a_key_are_refused() {
    let key = pem("PUBLIC KEY", &spki(&pkcs8()));
    let none = |expected| KeyError::NoSection { expected };
    let two = KeyError::Sections { found: 2, expected: KeyKind::Public };
    assert_eq!(public(&format!("{key}{key}")), Err(two));
    assert_eq!(public(""), Err(none(KeyKind::Public)));
    assert_eq!(public("ssh-ed25519 AAAA"), Err(none(KeyKind::Public)));
    let encrypted = pem("ENCRYPTED SIGSTORE PRIVATE KEY", b"{}");
    assert_eq!(private(&encrypted).err(), Some(none(KeyKind::Private)));
    let not_pem = Err(KeyError::NotPem { expected: KeyKind::Public });
    assert_eq!(public("-----BEGIN PUBLIC KEY-----\n!\n-----END PUBLIC KEY-----\n"), not_pem);
    assert_eq!(public("-----BEGIN PUBLIC KEY-----\nAAAA\n"), not_pem);
}

#[test]
fn a_key_on_another_curve_a_compressed_or_an_incomplete_one_is_refused() {
    let der = spki(&pkcs8());
    let mut p384 = der.clone();
    p384[22] = 0x22;
    let compressed =
        [&hex::decode("3039301306072a8648ce3d020106082a8648ce3d030107032200").unwrap(), &der[27..60]];
    let refused = [p384, compressed.concat(), der[..90].to_vec(), [&der[..], &[0]].concat(), Vec::new()];
    for der in refused {
        let refusal = Err(KeyError::NotP256 { expected: KeyKind::Public });
        assert_eq!(public(&pem("PUBLIC KEY", &der)), refusal, "{}", hex::encode(&der));
    }
    let mut private_der = pkcs8();
    private_der.pop();
    let refusal = KeyError::NotP256 { expected: KeyKind::Private };
    assert_eq!(private(&pem("PRIVATE KEY", &private_der)).err(), Some(refusal));
}

#[test]
fn a_key_whose_point_is_not_on_the_curve_is_refused() {
    let mut der = spki(&pkcs8());
    der[90] ^= 1;
    assert_eq!(public(&pem("PUBLIC KEY", &der)), Err(KeyError::NotOnCurve));
}

#[test]
fn an_empty_list_of_keys_cannot_be_trusted() {
    assert_eq!(TrustedKeys::try_from(Vec::new()), Err(NoTrustedKey));
}

#[test]
fn a_private_key_does_not_print_and_neither_does_the_error_about_one() {
    let pkcs8 = pkcs8();
    let text = pem("PRIVATE KEY", &pkcs8);
    assert_eq!(format!("{:?}", private(&text).unwrap()), "[release key]");
    let line = text.lines().nth(1).unwrap();
    for damaged in
        [text.replace("PRIVATE", "PUBLIC"), text.replace("-----END", ""), pem("PRIVATE KEY", &pkcs8[1..])]
    {
        let error = private(&damaged).unwrap_err();
        assert!(!format!("{error} {error:?}").contains(line), "{error:?}");
    }
}

#[test]
fn the_bundle_is_beside_its_component() {
    assert_eq!(bundle_file(Path::new("plugins/a.b.wasm")), Path::new("plugins/a.b.wasm.sigstore.json"));
}
