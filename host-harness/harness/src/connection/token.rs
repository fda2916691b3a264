//! Tokens that are accepted in deliveries.

use std::sync::{Arc, OnceLock};

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::redactor::Redactor;
use host_model::secret::Secret;

/// A token that is accepted in deliveries: known in full, or only by its SHA-256, as a store keeps it.
#[derive(Clone, Debug)]
pub struct AcceptedToken {
    digest: [u8; 32],
    known: Option<Secret>,
    /// Masks the token once it has been seen. Creating it takes longer than everything else at the door.
    redactor: Arc<OnceLock<Redactor>>,
}

impl AcceptedToken {
    /// Creates the token with that SHA-256. Its value only becomes known when a delivery presents it.
    pub fn by_digest(sha256: [u8; 32]) -> Self {
        Self { digest: sha256, known: None, redactor: Arc::default() }
    }

    /// Returns its SHA-256.
    pub(crate) fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// Returns whether `presented` is this token, in constant time.
    pub fn matches(&self, presented: &[u8]) -> bool {
        matching(std::slice::from_ref(self), presented).is_some()
    }

    /// Returns the token itself, if it is known in full.
    pub fn secret(&self) -> Option<&Secret> {
        self.known.as_ref()
    }

    /// Returns the redactor for the token, whose value is `presented`.
    pub(crate) fn redactor(&self, presented: &Secret) -> &Redactor {
        self.redactor.get_or_init(|| Redactor::of([presented]))
    }
}

impl From<Secret> for AcceptedToken {
    fn from(token: Secret) -> Self {
        let digest = Sha256::digest(token.expose()).into();
        Self { known: Some(token), ..Self::by_digest(digest) }
    }
}

/// Returns the accepted token that equals `presented`. Always compares all of them, so that the time reveals nothing
/// about near matches.
pub(crate) fn matching<'a>(accepted: &'a [AcceptedToken], presented: &[u8]) -> Option<&'a AcceptedToken> {
    let shown: [u8; 32] = Sha256::digest(presented).into();
    accepted
        .iter()
        .fold(None, |found, token| if token.digest.ct_eq(&shown).into() { Some(token) } else { found })
}
