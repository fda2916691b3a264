//! What a bundle says about itself, for a person who looks at a file.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use host_model::{digest::Digest, text::escaped_within};
use serde_json::Value;

use crate::{
    bundle::{Bundle, Envelope},
    format::PAYLOAD_TYPE,
    refusal::Refusal,
    statement::Statement,
    statement_json,
};

/// Maximum size of the name of a key that is shown, in bytes. A fingerprint has 71.
const MAX_KEY_BYTES: usize = 200;

/// What a bundle says. Nothing of it is verified: anyone can write it. [`Trust::verify`](crate::Trust::verify) decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleClaims {
    /// The key that it names: the fingerprint, such as `sha256:…`, or a name of the signer's own, with control characters
    /// escaped. `None` if it names none.
    pub key: Option<String>,
    /// What its signature is said to be over.
    pub content: ClaimedContent,
}

/// What the signature of a bundle is said to be over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimedContent {
    /// A statement about a component.
    Statement(Statement),
    /// A component alone, with its digest if the bundle has it.
    Component(Option<Digest>),
}

impl BundleClaims {
    /// Reads a bundle. Refuses one that would be refused whatever is trusted.
    pub fn read(bundle: &[u8]) -> Result<Self, Refusal> {
        let content = match Bundle::read(bundle)? {
            Bundle::Envelope(envelope) => ClaimedContent::Statement(statement(envelope)?),
            Bundle::Component(message) => ClaimedContent::Component(message.claimed),
        };
        Ok(Self { key: key(bundle), content })
    }

    /// Returns the digest of the component that it is about, if it has one.
    pub fn digest(&self) -> Option<Digest> {
        match &self.content {
            ClaimedContent::Statement(statement) => Some(statement.digest),
            ClaimedContent::Component(digest) => *digest,
        }
    }
}

fn statement(envelope: Envelope) -> Result<Statement, Refusal> {
    if envelope.payload_type != PAYLOAD_TYPE {
        return Err(Refusal::OtherStatement { found: envelope.payload_type, expected: PAYLOAD_TYPE });
    }
    statement_json::read(&envelope.payload)
}

fn key(bundle: &[u8]) -> Option<String> {
    let document: Value = serde_json::from_slice(bundle).ok()?;
    let hint = document.pointer("/verificationMaterial/publicKey/hint")?.as_str()?;
    let bytes = BASE64_STANDARD.decode(hint).ok().and_then(|bytes| bytes.try_into().ok());
    let key = bytes.map_or_else(|| escaped_within(hint, MAX_KEY_BYTES), |bytes| Digest(bytes).to_string());
    Some(key).filter(|key| !key.is_empty())
}
