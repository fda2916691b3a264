//! A type's name means one thing in everything that is built into one program.

use std::collections::{BTreeMap, BTreeSet};

use syn::Item;
use xtask::components::root;

use crate::tidy::source::{
    modules::{Module, Modules},
    only_tests::marks_a_test,
    package::below_root,
    parsed::Source,
};

/// Folders whose packages end up in one program, so that their names are read side by side.
const PROGRAMS: [&str; 4] = ["host-harness", "plugin", "tests/stand-in", "xtask"];

/// What mirrors types of other files under the same names on purpose, and is used by its module's name.
const MIRRORS: [(&str, &str); 2] = [
    ("host-harness/api/src/types/", "what the API reads and writes, as `types::Connection`"),
    ("host-harness/harness/src/bindings/v0_1_0.rs", "the contract 0.1.0's own"),
];

/// Each name that is defined by more than one file of a program.
pub(super) fn defined_twice(sources: &[Source]) -> Vec<String> {
    let of_program = |program: &str| {
        let mut defined = BTreeMap::<String, BTreeSet<String>>::new();
        let parts = sources.iter().filter(|source| source.folder.starts_with(root().join(program)));
        for (name, file) in parts.flat_map(|source| &source.crates).flat_map(type_names) {
            defined.entry(name).or_default().insert(file);
        }
        judged(&defined).collect::<Vec<_>>()
    };
    PROGRAMS.into_iter().flat_map(of_program).collect()
}

pub(super) fn judged(defined: &BTreeMap<String, BTreeSet<String>>) -> impl Iterator<Item = String> {
    defined.iter().filter(|(_, files)| files.len() > 1).map(|(name, files)| {
        let files = files.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        format!("`{name}` is the name of several types, in {files}: a name means one thing")
    })
}

/// The types that are defined at the top of a module, each with its file.
pub(super) fn type_names(modules: &Modules) -> Vec<(String, String)> {
    let of_module = |module: &Module| {
        let file = below_root(&module.file);
        let is_mirror = MIRRORS.iter().any(|(mirror, _)| file.starts_with(mirror));
        let items = if is_mirror { &[] } else { module.items.as_slice() };
        items.iter().filter_map(type_name).map(|name| (name, file.clone())).collect::<Vec<_>>()
    };
    modules.iter().flat_map(|(_, module)| of_module(module)).collect()
}

fn type_name(item: &Item) -> Option<String> {
    let (ident, attributes) = match item {
        Item::Struct(item) => (&item.ident, &item.attrs),
        Item::Enum(item) => (&item.ident, &item.attrs),
        Item::Trait(item) => (&item.ident, &item.attrs),
        Item::Type(item) => (&item.ident, &item.attrs),
        _ => return None,
    };
    (!attributes.iter().any(marks_a_test)).then(|| ident.to_string())
}
