//! The outcome of a verification.

use host_model::{contract::ContractVersion, digest::Digest};

use crate::{refusal::Refusal, revision::HighWaterMark, statement::Statement, trusted_key::KeyFingerprint};

/// A component whose signature by a trusted key was verified. Only [`crate::Trust::verify`] creates it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    pub(crate) digest: Digest,
    pub(crate) key: KeyFingerprint,
    pub(crate) content: SignedContent,
}

/// What the signature is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignedContent {
    /// A statement about the component.
    Statement(Statement),
    /// The component alone, of which nothing else is known.
    Component,
}

impl Signed {
    /// Returns the digest of the component.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns the fingerprint of the key that signed it.
    pub fn key(&self) -> KeyFingerprint {
        self.key
    }

    /// Returns what the signature is over.
    pub fn content(&self) -> &SignedContent {
        &self.content
    }

    /// Returns the statement about the component, if there is one.
    pub fn statement(&self) -> Option<&Statement> {
        match &self.content {
            SignedContent::Statement(statement) => Some(statement),
            SignedContent::Component => None,
        }
    }

    /// Returns the plugin's mark once this component is admitted, which is never below `before`. `None` if no statement about
    /// the plugin was admitted yet.
    pub fn mark_after(&self, before: Option<HighWaterMark>) -> Option<HighWaterMark> {
        let stated = self.statement();
        let mark = stated.map(|stated| HighWaterMark { revision: stated.revision, digest: stated.digest });
        match (before, mark) {
            (Some(before), Some(mark)) => Some(before.raised_to(mark)),
            (before, mark) => before.or(mark),
        }
    }

    /// Checks what the component turned out to be once it was loaded against its statement, if it has one: the version of
    /// the contract that it uses, and the digest of the manifest that it returned.
    pub fn check_loaded(&self, contract: ContractVersion, manifest: Digest) -> Result<(), Refusal> {
        let Some(stated) = self.statement() else { return Ok(()) };
        if contract != stated.contract {
            return Err(Refusal::OtherContract { signed: stated.contract, found: contract });
        }
        if manifest != stated.manifest {
            return Err(Refusal::OtherManifest { signed: stated.manifest, found: manifest });
        }
        Ok(())
    }
}
