//! Secret values: no `Display`, a redacted `Debug`, wiped on drop.

use std::{collections::BTreeMap, fmt};

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// A secret's value, never empty.
#[derive(Clone)]
pub struct Secret(SecretString);

/// Secrets by name.
pub type Secrets = BTreeMap<String, Secret>;

impl Secret {
    /// Creates a secret, or returns `None` if the value is empty: an empty secret would authenticate nothing and match
    /// everything.
    pub fn new(value: impl Into<String>) -> Option<Self> {
        let value = value.into();
        (!value.is_empty()).then(|| Self(SecretString::from(value)))
    }

    /// Creates a secret of `prefix` and 256 random bits in hexadecimal.
    ///
    /// # Errors
    ///
    /// Fails if the system provides no randomness.
    pub fn random(prefix: &str) -> Result<Self, getrandom::Error> {
        let mut bits = zeroize::Zeroizing::new([0; 32]);
        getrandom::fill(bits.as_mut_slice())?;
        let digits = zeroize::Zeroizing::new(hex::encode(bits.as_slice()));
        Ok(Self(SecretString::from([prefix, digits.as_str()].concat())))
    }

    /// Returns whether `presented` is this secret. Takes constant time and reveals no lengths, since digests are
    /// compared.
    pub fn matches(&self, presented: &[u8]) -> bool {
        let held = Sha256::digest(self.expose());
        let shown = Sha256::digest(presented);
        held.ct_eq(&shown).into()
    }

    /// Returns the value itself, for building requests and for finding it in text that must not contain it.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_prints() {
        assert_eq!(format!("{:?}", Secret::new("k-123").unwrap()), "[secret]");
    }

    #[test]
    fn an_empty_secret_cannot_be_built() {
        assert!(Secret::new("").is_none());
    }

    #[test]
    fn only_the_same_value_matches() {
        let secret = Secret::new("k-123").unwrap();
        assert!(secret.matches(b"k-123"));
        assert!(!secret.matches(b"k-12") && !secret.matches(b"k-1234") && !secret.matches(b""));
    }
}
