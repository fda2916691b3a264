//! Keys that sign releases.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _},
};

/// What precedes the point in the public key's encoding: RFC 5480.
const BEFORE_POINT: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// A new pair of keys on the curve P-256, as OpenSSL writes it.
pub struct KeyPems {
    /// PKCS #8, without a password.
    pub private: String,
    /// X.509's `SubjectPublicKeyInfo`.
    pub public: String,
}

impl KeyPems {
    /// Creates a pair.
    ///
    /// # Panics
    /// Panics if the system provides no randomness.
    #[expect(clippy::unwrap_used, reason = "a test without keys must fail")]
    pub fn generate() -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &random).unwrap();
        let public = [BEFORE_POINT.as_slice(), pair.public_key().as_ref()].concat();
        Self { private: pem("PRIVATE KEY", pkcs8.as_ref()), public: pem("PUBLIC KEY", &public) }
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", BASE64_STANDARD.encode(der))
}
