//! Keyed hashes: HMAC-SHA256 under 256-bit keys.

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

pub(crate) const KEY_BYTES: usize = 32;

/// Begins an HMAC under `key`. A key shorter than the block size of the hash is padded with zeros: RFC 2104.
pub(crate) fn hmac(key: &[u8; KEY_BYTES]) -> Hmac<Sha256> {
    let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
    block.iter_mut().zip(key).for_each(|(block, key)| *block = *key);
    <Hmac<Sha256> as Mac>::new(&block)
}

/// Returns a keyed hash of `parts`. Each part is hashed first, so that lists that only differ in where one part ends do
/// not collide.
pub(crate) fn keyed(key: &[u8; KEY_BYTES], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = hmac(key);
    for part in parts {
        mac.update(&Sha256::digest(part));
    }
    mac.finalize().into_bytes().into()
}
