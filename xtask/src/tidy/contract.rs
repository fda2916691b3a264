//! Checks that every item of the contract is documented, and that a released version has not changed.

use std::fs;

use anyhow::Result;
use sha2::{Digest as _, Sha256};
use wit_parser::{Docs, Interface, Resolve, TypeDef, TypeDefKind, TypeId, TypeOwner, World, WorldItem};
use xtask::components::root;

/// The versions in `wit/released/`, each with the SHA-256 of its files. Components have been built against them: a
/// line is added when the version in `wit/` is released, and no line is ever changed.
const RELEASED: [(&str, &str); 1] =
    [("0.1.0", "e8fb9a54b2b6e9ca5c22d1f742f501f281b435782433dcae91d9f0e4ea58d9f8")];

pub(super) fn findings() -> Result<Vec<String>> {
    let mut resolve = Resolve::default();
    resolve.push_dir(root().join("wit"))?;
    let mut findings = undocumented(&resolve);
    for (version, released) in RELEASED {
        let found = digest(version)?;
        if found != released {
            findings.push(format!("wit/released/{version}: changed since its release ({found})"));
        }
    }
    Ok(findings)
}

/// Returns the digest of the names and contents of a released version's files, in the order of their names.
fn digest(version: &str) -> Result<String> {
    let folder = root().join("wit/released").join(version);
    let mut names = fs::read_dir(&folder)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<Vec<_>>>()?;
    names.sort();
    let mut digest = Sha256::new();
    for name in names {
        digest.update(format!("{name}\n"));
        digest.update(fs::read(folder.join(&name))?);
    }
    Ok(hex::encode(digest.finalize()))
}

fn undocumented(resolve: &Resolve) -> Vec<String> {
    let packages = resolve.packages.iter().map(|(_, package)| (package.name.to_string(), &package.docs));
    let interfaces = resolve.interfaces.iter().flat_map(|(_, interface)| interface_items(resolve, interface));
    let worlds = resolve.worlds.iter().flat_map(|(_, world)| world_items(resolve, world));
    packages
        .chain(interfaces)
        .chain(worlds)
        .filter(|(_, docs)| docs.contents.as_ref().is_none_or(|text| text.trim().is_empty()))
        .map(|(item, _)| format!("wit: {item} has no documentation"))
        .collect()
}

type Item<'a> = (String, &'a Docs);

fn interface_items<'a>(resolve: &'a Resolve, interface: &'a Interface) -> Vec<Item<'a>> {
    let name = interface.name.clone().unwrap_or_default();
    let mut items = vec![(name.clone(), &interface.docs)];
    items.extend(interface.types.values().flat_map(|id| type_items(resolve, &name, *id)));
    items.extend(
        interface.functions.values().map(|function| (format!("{name}.{}", function.name), &function.docs)),
    );
    items
}

/// Returns the world's own items. Named interfaces have their own documentation.
fn world_items<'a>(resolve: &'a Resolve, world: &'a World) -> Vec<Item<'a>> {
    let mut items = vec![(world.name.clone(), &world.docs)];
    for item in world.imports.values().chain(world.exports.values()) {
        match item {
            WorldItem::Function(function) => {
                items.push((format!("{}.{}", world.name, function.name), &function.docs));
            }
            WorldItem::Type { id, .. } => items.extend(type_items(resolve, &world.name, *id)),
            WorldItem::Interface { .. } => {}
        }
    }
    items
}

/// Returns a type and its parts. A type that `use` imports is documented where it is defined.
fn type_items<'a>(resolve: &'a Resolve, owner: &str, id: TypeId) -> Vec<Item<'a>> {
    let Some(definition) = resolve.types.get(id).filter(|definition| !is_borrowed(resolve, definition))
    else {
        return Vec::new();
    };
    let name = format!("{owner}.{}", definition.name.as_deref().unwrap_or_default());
    let parts: Vec<(&str, &Docs)> = match &definition.kind {
        TypeDefKind::Record(record) => {
            record.fields.iter().map(|part| (part.name.as_str(), &part.docs)).collect()
        }
        TypeDefKind::Variant(variant) => {
            variant.cases.iter().map(|part| (part.name.as_str(), &part.docs)).collect()
        }
        TypeDefKind::Enum(cases) => cases.cases.iter().map(|part| (part.name.as_str(), &part.docs)).collect(),
        TypeDefKind::Flags(flags) => {
            flags.flags.iter().map(|part| (part.name.as_str(), &part.docs)).collect()
        }
        _ => Vec::new(),
    };
    let parts = parts.into_iter().map(|(part, docs)| (format!("{name}.{part}"), docs));
    [(name.clone(), &definition.docs)].into_iter().chain(parts).collect()
}

fn is_borrowed(resolve: &Resolve, definition: &TypeDef) -> bool {
    let TypeDefKind::Type(wit_parser::Type::Id(origin)) = definition.kind else { return false };
    let named = resolve.types.get(origin).filter(|origin| origin.name == definition.name);
    named.is_some_and(|origin| origin.owner != TypeOwner::None && origin.owner != definition.owner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn undocumented_in(text: &str) -> Vec<String> {
        let mut resolve = Resolve::default();
        resolve.push_str("test.wit", text).unwrap();
        undocumented(&resolve)
    }

    #[test]
    fn every_kind_of_item_requires_documentation() {
        let text = "package a:b;
            interface i {
              record r { field: u8 }
              enum e { one }
              variant v { some(u8) }
              flags f { flag }
              type t = list<u8>;
              resource s { act: func(); }
              act: func();
            }
            world w { import j: interface { act: func(); } import act: func(); export act2: func(); }";
        let items = [
            "a:b",
            "i",
            "i.r",
            "i.r.field",
            "i.e",
            "i.e.one",
            "i.v",
            "i.v.some",
            "i.f",
            "i.f.flag",
            "i.t",
            "i.s",
            "i.[method]s.act",
            "i.act",
            "",
            ".act",
            "w",
            "w.act",
            "w.act2",
        ];
        assert_eq!(undocumented_in(text), items.map(|item| format!("wit: {item} has no documentation")));
    }

    #[test]
    fn a_type_from_elsewhere_is_documented_there() {
        let text = "/// P.
            package a:b;
            /// I.
            interface i {
              /// T.
              type t = u8;
            }
            /// J.
            interface j {
              use i.{t};
              /// F.
              act: func(t: t);
            }";
        assert_eq!(undocumented_in(text), Vec::<String>::new());
    }
}
