//! A token that deliveries may carry.

use std::sync::{Arc, OnceLock};

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::redactor::Redactor;
use host_model::secret::Secret;

/// A token that deliveries may carry: known in full, or by its SHA-256 alone, as a store keeps it.
#[derive(Clone, Debug)]
pub struct AcceptedToken {
    digest: [u8; 32],
    known: Option<Secret>,
    /// Finds it where it must not be, once it was seen. Making one takes longer than everything else at the door.
    redactor: Arc<OnceLock<Redactor>>,
}

impl AcceptedToken {
    /// The token with that SHA-256. What it is can be seen only where a delivery presents it.
    pub fn by_digest(sha256: [u8; 32]) -> Self {
        Self { digest: sha256, known: None, redactor: Arc::default() }
    }

    /// Its SHA-256.
    pub(crate) fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// Whether `presented` is this token, in a time that tells nothing.
    pub fn matches(&self, presented: &[u8]) -> bool {
        matching(std::slice::from_ref(self), presented).is_some()
    }

    /// The token itself, where it is known in full.
    pub fn known(&self) -> Option<&Secret> {
        self.known.as_ref()
    }

    /// Finds the token, which is `presented`.
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

/// The one of `accepted` that `presented` is. Looks at all of them, so that the time tells nothing about which came close.
pub(crate) fn matching<'a>(accepted: &'a [AcceptedToken], presented: &[u8]) -> Option<&'a AcceptedToken> {
    let shown: [u8; 32] = Sha256::digest(presented).into();
    accepted
        .iter()
        .fold(None, |found, token| if token.digest.ct_eq(&shown).into() { Some(token) } else { found })
}
