//! A publisher with a key of its own, who also signs what this crate never would.

use std::fmt::Write as _;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use host_model::{contract::ContractVersion, digest::Digest};
use host_trust::{
    Arrival, BUNDLE_TYPE, ConformanceResult, ConformanceRun, Refusal, ReleaseKey, Required, Revision, Signed,
    Statement, Trust, TrustedKeys,
};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair},
};
use serde_json::{Value, json};

/// The name of the plugin that is signed.
pub(crate) const PLUGIN: &str = "newsletter";
/// The component that is signed. Its meaning does not matter here.
pub(crate) const COMPONENT: &[u8] = b"\0asm\r\0\x01\0 release 7";
/// The time of the check.
pub(crate) const NOW: i64 = 1_800_000_000_000;
/// The first version of a plugin, from outside.
pub(crate) const FIRST: Arrival = Arrival::FromOutside(None);

/// Signs releases and other things.
pub(crate) struct Publisher {
    pub(crate) key: ReleaseKey,
    pair: EcdsaKeyPair,
}

impl Publisher {
    pub(crate) fn new() -> Self {
        let pkcs8 =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new()).unwrap();
        Self {
            key: ReleaseKey::from_pem(pem("PRIVATE KEY", pkcs8.as_ref()).as_bytes()).unwrap(),
            pair: EcdsaKeyPair::from_pkcs8(
                &ECDSA_P256_SHA256_ASN1_SIGNING,
                pkcs8.as_ref(),
                &SystemRandom::new(),
            )
            .unwrap(),
        }
    }

    /// Trust in this publisher alone, for [`PLUGIN`].
    pub(crate) fn trusted(&self) -> Trust {
        self.trusted_with(Required::Signature)
    }

    pub(crate) fn trusted_with(&self, required: Required) -> Trust {
        Trust::new(PLUGIN, self.key.public(), required)
    }

    pub(crate) fn signature(&self, message: &[u8]) -> String {
        BASE64_STANDARD.encode(self.pair.sign(&SystemRandom::new(), message).unwrap())
    }

    /// An envelope's bundle with any payload, by way of a PAE of its own.
    pub(crate) fn envelope(&self, payload_type: &str, payload: &[u8]) -> Value {
        let lengths = (payload_type.len(), payload.len());
        let head = format!("DSSEv1 {} {payload_type} {} ", lengths.0, lengths.1);
        let signature = self.signature(&[head.as_bytes(), payload].concat());
        json!({
            "mediaType": BUNDLE_TYPE,
            "verificationMaterial": {"publicKey": {"hint": "any"}},
            "dsseEnvelope": {
                "payload": BASE64_STANDARD.encode(payload),
                "payloadType": payload_type,
                "signatures": [{"sig": signature, "keyid": ""}],
            },
        })
    }

    /// A statement's bundle with any content.
    pub(crate) fn envelope_of(&self, statement: &Value) -> Value {
        self.envelope("application/vnd.in-toto+json", statement.to_string().as_bytes())
    }

    /// The bundle with a signature of `component` itself.
    pub(crate) fn component_bundle(&self, component: &[u8]) -> Value {
        let digest = BASE64_STANDARD.encode(Digest::of(component).0);
        json!({
            "mediaType": BUNDLE_TYPE,
            "verificationMaterial": {"publicKey": {"hint": "any"}},
            "messageSignature": {
                "messageDigest": {"algorithm": "SHA2_256", "digest": digest},
                "signature": self.signature(component),
            },
        })
    }

    /// The bundle with a statement, as this crate signs it.
    pub(crate) fn bundle(&self, statement: &Statement) -> Value {
        serde_json::from_str(&self.key.sign(statement).unwrap()).unwrap()
    }
}

/// A statement about [`COMPONENT`] that is valid until a day after [`NOW`].
pub(crate) fn release() -> Statement {
    Statement {
        plugin: PLUGIN.to_owned(),
        digest: Digest::of(COMPONENT),
        version: "1.4.0".to_owned(),
        revision: revision(7),
        not_after: NOW + 86_400_000,
        contract: ContractVersion::V0_2_0,
        manifest: Digest::of(b"manifest"),
        conformance: ConformanceRun { result: ConformanceResult::Passed, seed: 7 },
    }
}

pub(crate) fn revision(number: u64) -> Revision {
    Revision::try_from(number).unwrap()
}

/// Verifies the first version of [`PLUGIN`], from outside.
pub(crate) fn verify(trust: &Trust, component: &[u8], bundle: &Value) -> Result<Signed, Refusal> {
    trust.verify(component, Some(bundle.to_string().as_bytes()), FIRST, NOW)
}

/// The refusal of a bundle that none of `publisher`'s keys signed.
pub(crate) fn foreign_to(publisher: &Publisher) -> Refusal {
    let trusted = TrustedKeys::from(publisher.key.public()).fingerprints();
    Refusal::ForeignKey { plugin: PLUGIN.to_owned(), trusted }
}

pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in BASE64_STANDARD.encode(der).as_bytes().chunks(64) {
        writeln!(text, "{}", String::from_utf8_lossy(line)).unwrap();
    }
    text + &format!("-----END {label}-----\n")
}
