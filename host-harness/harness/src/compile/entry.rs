//! An entry of the cache: compiled code with an authentication code. Without the key, write access to the cache is not
//! enough to have anything loaded.
//!
//! Layout: the format's name, HMAC-SHA256, the compiled code. The message is the format's name, the component's digest,
//! what the code depends on besides the component, and the code. All but the last have a fixed length.

use std::fmt;

use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{code::CompiledCode, compatibility::Compatibility};
use host_model::digest::Digest;

const FORMAT: &[u8; 16] = b"connector-code-1";
const MAC_BYTES: usize = 32;
/// What an entry has in addition to the code.
pub(super) const HEADER_BYTES: usize = FORMAT.len() + MAC_BYTES;

/// The key that authenticates compiled code. A user who has it and can write the cache can run code in the host.
#[derive(Clone)]
pub struct CodeKey(Zeroizing<[u8; 32]>);

impl CodeKey {
    /// Takes a key of 256 random bits.
    pub fn new(key: Zeroizing<[u8; 32]>) -> Self {
        Self(key)
    }
}

impl fmt::Debug for CodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[key of compiled code]")
    }
}

/// Which code an entry has: that of a component, for an engine.
#[derive(Clone, Copy)]
pub(super) struct CodeId {
    pub(super) component: Digest,
    pub(super) compatibility: Compatibility,
}

impl CodeId {
    fn mac(&self, key: &CodeKey, code: &[u8]) -> Hmac<Sha256> {
        let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
        block.iter_mut().zip(key.0.iter()).for_each(|(block, key)| *block = *key);
        let mut mac = <Hmac<Sha256> as hmac::Mac>::new(&block);
        mac.update(FORMAT);
        mac.update(&self.component.0);
        mac.update(&self.compatibility.0);
        mac.update(code);
        mac
    }

    /// Returns what precedes the code in its entry.
    pub(super) fn header(&self, key: &CodeKey, code: &CompiledCode) -> [u8; HEADER_BYTES] {
        let mac = self.mac(key, code.bytes()).finalize().into_bytes();
        let mut header = [0; HEADER_BYTES];
        let bytes = FORMAT.iter().chain(&mac);
        header.iter_mut().zip(bytes).for_each(|(header, byte)| *header = *byte);
        header
    }

    /// Returns the code of an entry; `None` if it is not authentic, or not this code.
    pub(super) fn open(
        &self,
        key: &CodeKey,
        header: &[u8; HEADER_BYTES],
        code: Vec<u8>,
    ) -> Option<CompiledCode> {
        let mac = header.strip_prefix(FORMAT)?;
        self.mac(key, &code).verify_slice(mac).ok()?;
        Some(CompiledCode::authenticated(code))
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn key(byte: u8) -> CodeKey {
        CodeKey::new(Zeroizing::new([byte; 32]))
    }

    fn id(component: u8, compatibility: u8) -> CodeId {
        CodeId { component: Digest([component; 32]), compatibility: Compatibility([compatibility; 32]) }
    }

    fn is_opened(id: CodeId, key: &CodeKey, header: &[u8; HEADER_BYTES], code: &[u8]) -> bool {
        id.open(key, header, code.to_vec()).is_some()
    }

    proptest! {
        #[test]
        fn an_entry_opens_for_its_component_engine_and_key_unchanged_alone(
            code in vec(any::<u8>(), 0..200),
            at in any::<prop::sample::Index>(),
            bit in 0_u8..8,
        ) {
            let header = id(1, 2).header(&key(3), &CompiledCode::authenticated(code.clone()));
            prop_assert!(is_opened(id(1, 2), &key(3), &header, &code));
            prop_assert!(!is_opened(id(9, 2), &key(3), &header, &code));
            prop_assert!(!is_opened(id(1, 9), &key(3), &header, &code));
            prop_assert!(!is_opened(id(1, 2), &key(9), &header, &code));
            let mut entry = [&header[..], &code].concat();
            let at = at.index(entry.len());
            entry[at] ^= 1 << bit;
            let (changed, rest) = entry.split_first_chunk().unwrap();
            prop_assert!(!is_opened(id(1, 2), &key(3), changed, rest));
            prop_assert!(!is_opened(id(1, 2), &key(3), &header, &[&code[..], b"x"].concat()));
            if let Some((_, cut)) = code.split_last() {
                prop_assert!(!is_opened(id(1, 2), &key(3), &header, cut));
            }
        }
    }

    #[test]
    fn a_key_does_not_print() {
        assert_eq!(format!("{:?}", key(1)), "[key of compiled code]");
    }
}
