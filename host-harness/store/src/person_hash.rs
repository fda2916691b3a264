//! Short keyed hashes that stand for people in lists, so that an operator sees which requests are about the same person
//! without seeing whom.

use std::fmt;

use zeroize::Zeroizing;

use crate::{
    keyed::{KEY_BYTES, keyed},
    person::PersonId,
};

/// 40 bits: two of 100,000 people share a hash with a probability of 0.5 %.
const HASH_BYTES: usize = 5;

/// A person of one connection as a short keyed hash. It can be compared within a service, and says nothing without the
/// master key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PersonHash([u8; HASH_BYTES]);

impl fmt::Display for PersonHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// The key of all hashes.
#[derive(Clone)]
pub(crate) struct PersonHashKey(Zeroizing<[u8; KEY_BYTES]>);

impl PersonHashKey {
    /// Derives the key from the master key.
    pub(crate) fn of(master: &[u8; KEY_BYTES]) -> Self {
        Self(Zeroizing::new(keyed(master, &[b"person hash"])))
    }

    /// Returns the hash of `person` of the connection with the key `connection`.
    pub(crate) fn hash(&self, tenant: &str, connection: &str, person: PersonId) -> PersonHash {
        let PersonId(number) = person;
        let whole = keyed(&self.0, &[tenant.as_bytes(), connection.as_bytes(), &number.to_be_bytes()]);
        let mut hash = [0; HASH_BYTES];
        for (byte, from) in hash.iter_mut().zip(whole) {
            *byte = from;
        }
        PersonHash(hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(master: u8, tenant: &str, connection: &str, person: i64) -> String {
        PersonHashKey::of(&[master; KEY_BYTES]).hash(tenant, connection, PersonId(person)).to_string()
    }

    #[test]
    fn a_person_has_one_hash_at_a_connection_and_another_everywhere_else() {
        let ada = hash(1, "acme", "newsletter", 17);
        assert_eq!(ada.len(), 2 * HASH_BYTES);
        assert_eq!(hash(1, "acme", "newsletter", 17), ada);
        for other in [
            hash(1, "acme", "newsletter", 18),
            hash(1, "acme", "shop", 17),
            hash(1, "other", "newsletter", 17),
            hash(2, "acme", "newsletter", 17),
        ] {
            assert_ne!(other, ada);
        }
    }
}
