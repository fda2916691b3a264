//! Signing releases.

use std::fmt;

use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _},
};

use crate::{
    bundle::Envelope,
    format::PAYLOAD_TYPE,
    pae::pre_authentication_encoding,
    pem::{KeyError, KeyKind, only_section},
    statement::{Statement, UnfitStatement},
    statement_json,
    trusted_key::TrustedKey,
};

/// The private key with which a publisher signs releases. Does not print. `ring` does not overwrite it when it is dropped,
/// so it belongs in a process that ends after signing.
pub struct ReleaseKey {
    pair: EcdsaKeyPair,
    public: TrustedKey,
}

/// Why a release could not be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The statement contains what it must not.
    #[error("the release cannot be signed: {0}")]
    Unfit(#[from] UnfitStatement),
    /// The system provides no randomness.
    #[error("the release could not be signed, since the system provides no randomness")]
    NoRandomness,
}

impl ReleaseKey {
    /// Reads a private key on the curve P-256 from PEM: PKCS #8 without a password, with its public key. The caller wipes
    /// `pem`.
    pub fn from_pem(pem: &[u8]) -> Result<Self, KeyError> {
        let der = only_section(pem, KeyKind::Private)?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &der, &SystemRandom::new())
            .map_err(|_| KeyError::NotP256 { expected: KeyKind::Private })?;
        let public = TrustedKey::from_point(pair.public_key().as_ref())?;
        Ok(Self { pair, public })
    }

    /// Returns the public key, which a host has to trust for the plugin's name.
    pub fn public(&self) -> TrustedKey {
        self.public
    }

    /// Signs `statement`. Returns the text of the bundle, which belongs in the file that [`crate::bundle_file`] names.
    pub fn sign(&self, statement: &Statement) -> Result<String, SignError> {
        let payload = statement_json::write(statement)?;
        let message = pre_authentication_encoding(PAYLOAD_TYPE, &payload);
        let signature =
            self.pair.sign(&SystemRandom::new(), &message).map_err(|_| SignError::NoRandomness)?;
        let signature = signature.as_ref().to_vec();
        let envelope = Envelope { payload_type: PAYLOAD_TYPE.to_owned(), payload, signature };
        Ok(envelope.bundle(self.public.fingerprint()))
    }
}

impl fmt::Debug for ReleaseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[release key]")
    }
}
