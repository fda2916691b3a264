//! What kind of file the bytes are, decided by their header.
//! Tested in `tests/all/load/bytes.rs`.

use wasmparser::BinaryReader;

use super::load_error::LoadError;

const MAGIC: &[u8] = b"\0asm";

/// The length of the magic number, the version and the layer.
const HEADER_BYTES: usize = 8;

/// Checks that `bytes` begin like a component and are not cut off.
pub(super) fn check(bytes: &[u8]) -> Result<(), LoadError> {
    let begins = bytes.get(..MAGIC.len()).unwrap_or(bytes);
    if begins.is_empty() || !MAGIC.starts_with(begins) {
        return Err(LoadError::NotWasm { begins: shown(bytes) });
    }
    let cut_off = |expected| LoadError::CutOff { found: bytes.len(), expected };
    let version = bytes.get(MAGIC.len()..HEADER_BYTES).ok_or_else(|| cut_off(HEADER_BYTES))?;
    match version {
        [1, 0, 0, 0] => Err(LoadError::CoreModule),
        [0x0d, 0, 1, 0] => match end_of_sections(bytes) {
            Some(end) if end > bytes.len() => Err(cut_off(end)),
            _ => Ok(()),
        },
        _ => Err(LoadError::UnknownFormat { version: shown(version) }),
    }
}

/// Returns where the last section ends according to the sizes that the sections declare; `None` if they cannot be read.
fn end_of_sections(bytes: &[u8]) -> Option<usize> {
    let mut end = HEADER_BYTES;
    while let Some(rest) = bytes.get(end..).filter(|rest| !rest.is_empty()) {
        let mut section = BinaryReader::new(rest, 0);
        let size = section.read_u8().and_then(|_id| section.read_var_u32());
        let Ok(size) = size else {
            // The section's own head is incomplete, unless its size is malformed.
            let is_incomplete = rest.len() < 6 && rest.iter().skip(1).all(|byte| byte & 0x80 != 0);
            return is_incomplete.then_some(bytes.len() + 1);
        };
        end = end.checked_add(section.original_position())?.checked_add(usize::try_from(size).ok()?)?;
    }
    Some(end)
}

/// Escapes the first bytes for a message.
fn shown(bytes: &[u8]) -> String {
    bytes.get(..16).unwrap_or(bytes).escape_ascii().to_string()
}
