//! Checks signatures with secrets that never leave the host.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD},
};
use hmac::{Hmac, Mac};

use host_model::secret::Secret;

/// The hash function of an HMAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// SHA-1, which Segment and Twilio still use.
    Sha1,
    /// SHA-256, the most common one.
    Sha256,
    /// SHA-512.
    Sha512,
}

/// The encoding of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyForm {
    /// The bytes of the text are the key.
    Text,
    /// Two hexadecimal digits per byte.
    Hex,
    /// Base64, optionally prefixed with `whsec_`.
    Base64,
}

/// Returns whether `signature` is the HMAC of `message` under `secret`, in constant time. A secret that does not have
/// the given form matches nothing.
pub fn accepts_hmac(hash: Hash, secret: &Secret, form: KeyForm, message: &[u8], signature: &[u8]) -> bool {
    let Some(key) = key(secret, form) else { return false };
    match hash {
        Hash::Sha1 => verified::<Hmac<sha1::Sha1>>(&key, message, signature),
        Hash::Sha256 => verified::<Hmac<sha2::Sha256>>(&key, message, signature),
        Hash::Sha512 => verified::<Hmac<sha2::Sha512>>(&key, message, signature),
    }
}

fn verified<M: Mac + hmac::digest::KeyInit>(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    <M as Mac>::new_from_slice(key).is_ok_and(|mac| mac.chain_update(message).verify_slice(signature).is_ok())
}

fn key(secret: &Secret, form: KeyForm) -> Option<zeroize::Zeroizing<Vec<u8>>> {
    let written = secret.expose();
    let key = match form {
        KeyForm::Text => Some(written.as_bytes().to_vec()),
        KeyForm::Hex => hex::decode(written).ok(),
        KeyForm::Base64 => {
            let written = written.strip_prefix("whsec_").unwrap_or(written);
            STANDARD.decode(written).or_else(|_| STANDARD_NO_PAD.decode(written)).ok()
        }
    };
    key.filter(|key| !key.is_empty()).map(zeroize::Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text).unwrap()
    }

    /// RFC 4231, test case 2, and RFC 2202, test case 2: key "Jefe".
    const MESSAGE: &[u8] = b"what do ya want for nothing?";
    const SHA256: &str = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    const SHA1: &str = "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79";

    #[test]
    fn the_published_vectors_are_accepted_in_every_key_form() {
        let signature = hex::decode(SHA256).unwrap();
        for (form, key) in [
            (KeyForm::Text, "Jefe"),
            (KeyForm::Hex, "4a656665"),
            (KeyForm::Base64, "SmVmZQ=="),
            (KeyForm::Base64, "whsec_SmVmZQ"),
        ] {
            assert!(accepts_hmac(Hash::Sha256, &secret(key), form, MESSAGE, &signature), "{form:?} {key}");
        }
        assert!(accepts_hmac(
            Hash::Sha1,
            &secret("Jefe"),
            KeyForm::Text,
            MESSAGE,
            &hex::decode(SHA1).unwrap()
        ));
    }

    #[test]
    fn another_message_key_length_or_form_is_refused() {
        let signature = hex::decode(SHA256).unwrap();
        let jefe = secret("Jefe");
        assert!(!accepts_hmac(Hash::Sha256, &jefe, KeyForm::Text, b"what do ya want", &signature));
        assert!(!accepts_hmac(Hash::Sha256, &secret("Jefa"), KeyForm::Text, MESSAGE, &signature));
        assert!(!accepts_hmac(Hash::Sha256, &jefe, KeyForm::Text, MESSAGE, &signature[..31]));
        assert!(!accepts_hmac(Hash::Sha256, &jefe, KeyForm::Hex, MESSAGE, &signature));
        assert!(!accepts_hmac(Hash::Sha512, &jefe, KeyForm::Text, MESSAGE, &signature));
    }
}
