//! The depth of nested component and instance types. wasmparser and the compiler read them recursively: a file of 3 KB
//! that nests a thousand would overflow the stack, which aborts the process.
//! Tested in `tests/all/load/parts.rs`.

use wasmparser::{
    BinaryReader, ComponentAlias, ComponentExternName, ComponentImport, ComponentType, ComponentTypeRef,
    CoreType, Result,
};

/// The types of a section of types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TypeDepth {
    /// None is nested deeper than allowed.
    Within,
    /// At least one is.
    Beyond,
}

const COMPONENT_TYPE: u8 = 0x41;
const INSTANCE_TYPE: u8 = 0x42;

/// Reads the section of component types in `section`, without recursion.
pub(super) fn of_section(section: &[u8], allowed: usize) -> Result<TypeDepth> {
    let mut reader = BinaryReader::new(section, 0);
    // How many declarations each open type still has; the section itself is the outermost.
    let mut open = vec![reader.read_var_u32()?];
    while let Some(left) = open.last_mut() {
        let Some(rest) = left.checked_sub(1) else {
            open.pop();
            continue;
        };
        *left = rest;
        if open.len() > 1 && declaration(&mut reader)? == TypeDeclaration::Other {
            continue;
        }
        if [COMPONENT_TYPE, INSTANCE_TYPE].contains(&reader.clone().read_u8()?) {
            reader.read_u8()?;
            open.push(reader.read_var_u32()?);
        } else {
            reader.read::<ComponentType<'_>>()?;
        }
        if open.len() > allowed {
            return Ok(TypeDepth::Beyond);
        }
    }
    Ok(TypeDepth::Within)
}

/// A declaration within a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TypeDeclaration {
    /// A type, which follows and is not read yet.
    Type,
    /// Anything else, which has been read.
    Other,
}

fn declaration(reader: &mut BinaryReader<'_>) -> Result<TypeDeclaration> {
    match reader.read_u8()? {
        0 => {
            reader.read::<CoreType<'_>>()?;
        }
        1 => return Ok(TypeDeclaration::Type),
        2 => {
            reader.read::<ComponentAlias<'_>>()?;
        }
        3 => {
            reader.read::<ComponentImport<'_>>()?;
        }
        // An export. Anything else is malformed, which the next step reports.
        _ => {
            reader.read::<ComponentExternName<'_>>()?;
            reader.read::<ComponentTypeRef>()?;
        }
    }
    Ok(TypeDeclaration::Other)
}
