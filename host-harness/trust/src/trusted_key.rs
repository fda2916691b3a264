//! The public keys that are trusted.

use std::fmt;

use host_model::digest::Digest;
use ring::{
    agreement::{self, ECDH_P256, EphemeralPrivateKey},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey},
};

use crate::pem::{KeyError, KeyKind, only_section};

/// The length of an uncompressed point of P-256: the byte 4 and two coordinates.
const POINT_BYTES: usize = 65;

/// What precedes the point in a `SubjectPublicKeyInfo` of P-256: the algorithm `id-ecPublicKey`, the curve
/// `prime256v1`, and the head of a bit string. RFC 5480, sections 2.1 and 2.2.
const BEFORE_POINT: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// A public key on the curve P-256 whose signatures are trusted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TrustedKey([u8; POINT_BYTES]);

impl TrustedKey {
    /// Reads a public key from PEM, as `openssl pkey -pubout` and `cosign generate-key-pair` write it.
    pub fn from_pem(pem: &[u8]) -> Result<Self, KeyError> {
        let der = only_section(pem, KeyKind::Public)?;
        let point = der.strip_prefix(BEFORE_POINT.as_slice()).ok_or(NOT_P256)?;
        Self::from_point(point)
    }

    /// Reads an uncompressed point.
    pub(crate) fn from_point(point: &[u8]) -> Result<Self, KeyError> {
        let point: [u8; POINT_BYTES] = point.try_into().map_err(|_| NOT_P256)?;
        // `ring` looks at a point only when it is used. Without this, a damaged key would be reported as a foreign
        // signature later. The agreed secret is dropped.
        let ours = EphemeralPrivateKey::generate(&ECDH_P256, &SystemRandom::new())
            .map_err(|_| KeyError::NoRandomness)?;
        agreement::agree_ephemeral(ours, &agreement::UnparsedPublicKey::new(&ECDH_P256, point), |_| ())
            .map_err(|_| KeyError::NotOnCurve)?;
        Ok(Self(point))
    }

    /// Returns whether this key made `signature`, in ASN.1, over `message`.
    pub(crate) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, self.0).verify(message, signature).is_ok()
    }

    /// Returns its fingerprint.
    pub fn fingerprint(&self) -> KeyFingerprint {
        KeyFingerprint(Digest::of(&[BEFORE_POINT.as_slice(), &self.0].concat()))
    }
}

const NOT_P256: KeyError = KeyError::NotP256 { expected: KeyKind::Public };

impl fmt::Debug for TrustedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.fingerprint(), f)
    }
}

/// Identifies a key: the SHA-256 of its `SubjectPublicKeyInfo`, such as `sha256:…`. It is what
/// `openssl pkey -pubin -in key.pub -outform DER | sha256sum` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyFingerprint(Digest);

impl KeyFingerprint {
    /// Returns its 32 bytes.
    pub(crate) fn bytes(self) -> [u8; 32] {
        self.0.0
    }
}

impl fmt::Display for KeyFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The keys that are trusted for one plugin: at least one, since without a key nothing can be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedKeys(Vec<TrustedKey>);

/// The list of trusted keys is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("lists no trusted key; expected at least one, since no signature could be accepted")]
pub struct NoTrustedKey;

impl TryFrom<Vec<TrustedKey>> for TrustedKeys {
    type Error = NoTrustedKey;

    fn try_from(keys: Vec<TrustedKey>) -> Result<Self, NoTrustedKey> {
        if keys.is_empty() { Err(NoTrustedKey) } else { Ok(Self(keys)) }
    }
}

impl From<TrustedKey> for TrustedKeys {
    fn from(key: TrustedKey) -> Self {
        Self(vec![key])
    }
}

impl TrustedKeys {
    /// Returns the key that made `signature` over `message`, if it is one of them.
    pub(crate) fn signer(&self, message: &[u8], signature: &[u8]) -> Option<KeyFingerprint> {
        let signer = self.0.iter().find(|key| key.has_signed(message, signature));
        signer.map(TrustedKey::fingerprint)
    }

    /// Returns their fingerprints, in the order of the list.
    pub fn fingerprints(&self) -> Vec<KeyFingerprint> {
        self.0.iter().map(TrustedKey::fingerprint).collect()
    }
}
