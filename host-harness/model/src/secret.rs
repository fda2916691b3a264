//! A value that must not be seen: no `Display`, a redacted `Debug`, wiped when dropped.

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
    /// The secret of that value; none where it is empty, which would credential nothing and match everything.
    pub fn new(value: impl Into<String>) -> Option<Self> {
        let value = value.into();
        (!value.is_empty()).then(|| Self(SecretString::from(value)))
    }

    /// `prefix` and 256 random bits in hexadecimal; fails where the system has no randomness to give.
    pub fn random(prefix: &str) -> Result<Self, getrandom::Error> {
        let mut bits = zeroize::Zeroizing::new([0; 32]);
        getrandom::fill(bits.as_mut_slice())?;
        let digits = zeroize::Zeroizing::new(hex::encode(bits.as_slice()));
        Ok(Self(SecretString::from([prefix, digits.as_str()].concat())))
    }

    /// Whether `presented` is this secret, in a time that tells nothing: digests are compared, so neither do lengths.
    pub fn matches(&self, presented: &[u8]) -> bool {
        let held = Sha256::digest(self.expose());
        let shown = Sha256::digest(presented);
        held.ct_eq(&shown).into()
    }

    /// The value itself, for the inside of a request and for finding it where it must not be.
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
