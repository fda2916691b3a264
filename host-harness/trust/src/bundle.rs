//! The part of a Sigstore bundle that is verified.
//! Source: <https://github.com/sigstore/protobuf-specs/blob/main/protos/sigstore_bundle.proto>.
//!
//! `verificationMaterial` is not read: it says which key or certificate the signer claims to have, and what is trusted is
//! the configuration's alone. Nor are `keyid` and `messageDigest` used to decide anything.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
    prelude::BASE64_STANDARD,
};
use host_model::{digest::Digest, unread::Unread};
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::json;

use crate::{
    doubled::Doubled,
    format::{BUNDLE_TYPE, EARLIER_BUNDLE_TYPE, MAX_BUNDLE_BYTES},
    json_object::JsonObject,
    refusal::Refusal,
    trusted_key::KeyFingerprint,
};

/// What a bundle's one signature is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Bundle {
    /// A payload, such as a statement.
    Envelope(Envelope),
    /// The component.
    Component(MessageSignature),
}

/// A DSSE envelope with one signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Envelope {
    pub(crate) payload_type: String,
    pub(crate) payload: Vec<u8>,
    /// In ASN.1.
    pub(crate) signature: Vec<u8>,
}

/// A signature of a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MessageSignature {
    /// In ASN.1.
    pub(crate) signature: Vec<u8>,
    /// The digest of the signed component, as the bundle claims.
    pub(crate) claimed: Option<Digest>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BundleFields {
    media_type: String,
    dsse_envelope: Option<JsonObject<EnvelopeFields>>,
    message_signature: Option<JsonObject<MessageFields>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EnvelopeFields {
    payload: Base64Text,
    payload_type: String,
    signatures: Option<Vec<JsonObject<SignatureFields>>>,
}

#[derive(Deserialize)]
struct SignatureFields {
    sig: Option<Base64Text>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MessageFields {
    message_digest: Option<JsonObject<DigestFields>>,
    signature: Option<Base64Text>,
}

#[derive(Deserialize)]
struct DigestFields {
    algorithm: Option<String>,
    digest: Option<Base64Text>,
}

impl Bundle {
    /// Reads a bundle with exactly one signature.
    pub(crate) fn read(text: &[u8]) -> Result<Self, Refusal> {
        if text.len() > MAX_BUNDLE_BYTES {
            return Err(Refusal::BundleTooLarge { found: text.len() });
        }
        let BundleFields { media_type, dsse_envelope, message_signature } = fields(text)?;
        if media_type != BUNDLE_TYPE && media_type != EARLIER_BUNDLE_TYPE {
            return Err(Refusal::OtherBundle { found: media_type });
        }
        match (dsse_envelope, message_signature) {
            (Some(envelope), None) => envelope.0.signed().map(Self::Envelope),
            (None, Some(message)) => message.0.signed().map(Self::Component),
            (Some(_), Some(_)) => Err(Refusal::Doubled(Doubled::Contents)),
            (None, None) => Err(Refusal::Stripped),
        }
    }
}

fn fields(text: &[u8]) -> Result<BundleFields, Refusal> {
    let mut document = serde_json::Deserializer::from_slice(text);
    let JsonObject(fields) = serde_path_to_error::deserialize(&mut document).map_err(|error| {
        let unread = Unread::json(&error);
        // Readers differ in which of two fields with the same name counts. serde refuses both, with this message.
        if unread.found.starts_with("duplicate field") {
            Refusal::Doubled(Doubled::Fields)
        } else {
            Refusal::UnreadableBundle(unread)
        }
    })?;
    document.end().map_err(|_| Refusal::Doubled(Doubled::Bundles))?;
    Ok(fields)
}

impl EnvelopeFields {
    fn signed(self) -> Result<Envelope, Refusal> {
        let signatures = <[_; 1]>::try_from(self.signatures.unwrap_or_default());
        let [JsonObject(signature)] =
            signatures.map_err(|signatures: Vec<JsonObject<SignatureFields>>| match signatures.len() {
                0 => Refusal::Stripped,
                several => Refusal::Doubled(Doubled::Signatures(several)),
            })?;
        let signature = present(signature.sig)?;
        Ok(Envelope { payload_type: self.payload_type, payload: self.payload.0, signature })
    }
}

impl MessageFields {
    fn signed(self) -> Result<MessageSignature, Refusal> {
        let claimed = self.message_digest.and_then(|digest| digest.0.sha256());
        Ok(MessageSignature { signature: present(self.signature)?, claimed })
    }
}

impl DigestFields {
    fn sha256(self) -> Option<Digest> {
        let digest = self.digest.filter(|_| self.algorithm.as_deref() == Some("SHA2_256"))?;
        digest.0.try_into().ok().map(Digest)
    }
}

fn present(signature: Option<Base64Text>) -> Result<Vec<u8>, Refusal> {
    signature.map(|text| text.0).filter(|signature| !signature.is_empty()).ok_or(Refusal::Stripped)
}

/// Bytes in base64. JSON for protocol buffers and DSSE allow both alphabets, with or without padding.
struct Base64Text(Vec<u8>);

const EITHER_PADDING: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, EITHER_PADDING);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, EITHER_PADDING);

impl<'de> Deserialize<'de> for Base64Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let decoded = STANDARD.decode(&text).or_else(|_| URL_SAFE.decode(&text));
        decoded.map(Self).map_err(|_| D::Error::custom("expected base64"))
    }
}

impl Envelope {
    /// Writes the bundle of this envelope, which `key` signed. The key's fingerprint is a hint to other verifiers, in the
    /// form that sigstore-go writes.
    pub(crate) fn bundle(&self, key: KeyFingerprint) -> String {
        let document = json!({
            "mediaType": BUNDLE_TYPE,
            "verificationMaterial": {"publicKey": {"hint": BASE64_STANDARD.encode(key.bytes())}},
            "dsseEnvelope": {
                "payload": BASE64_STANDARD.encode(&self.payload),
                "payloadType": self.payload_type,
                "signatures": [{"sig": BASE64_STANDARD.encode(&self.signature)}],
            },
        });
        document.to_string()
    }
}
