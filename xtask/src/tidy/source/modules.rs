//! The modules of a crate, as its files declare them.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use syn::{Attribute, Expr, ExprLit, Item, ItemMod, Lit, Meta, ext::IdentExt as _};

use super::{mention::Mention, only_tests::marks_a_test, paths::mentions};

/// A module's path from the crate's root, which is empty for the root itself.
pub(crate) type Name = Vec<String>;

/// A file, or an inline part of it.
pub(crate) struct Module {
    pub(crate) file: PathBuf,
    pub(crate) mentions: Vec<Mention>,
}

/// Every module of a crate that is compiled for more than its tests. One name can be several modules', each for systems of
/// its own.
#[derive(Default)]
pub(crate) struct Modules(BTreeMap<Name, Vec<Module>>);

impl Modules {
    /// All that the crate with this root file is made of.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let mut modules = Self::default();
        modules.read_file(&Place { name: Name::new(), file: root.to_owned(), below: folder_of(root) })?;
        Ok(modules)
    }

    pub(crate) fn of_name(&self, name: &[String]) -> &[Module] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Name, &Module)> {
        self.0.iter().flat_map(|(name, modules)| modules.iter().map(move |module| (name, module)))
    }

    fn read_file(&mut self, place: &Place) -> Result<()> {
        let text = fs::read_to_string(&place.file).with_context(|| format!("no {}", place.file.display()))?;
        let parsed = syn::parse_file(&text).with_context(|| format!("in {}", place.file.display()))?;
        if parsed.attrs.iter().any(marks_a_test) { Ok(()) } else { self.add(place, parsed.items) }
    }

    fn add(&mut self, place: &Place, mut items: Vec<Item>) -> Result<()> {
        let children = items.extract_if(.., |item| matches!(item, Item::Mod(_))).collect::<Vec<_>>();
        for child in children {
            if let Item::Mod(child) = child
                && !child.attrs.iter().any(marks_a_test)
            {
                self.add_child(place, child)?;
            }
        }
        let module = Module { file: place.file.clone(), mentions: mentions(&items) };
        self.0.entry(place.name.clone()).or_default().push(module);
        Ok(())
    }

    fn add_child(&mut self, parent: &Place, child: ItemMod) -> Result<()> {
        let word = child.ident.unraw().to_string();
        let name = parent.name.iter().chain([&word]).cloned().collect();
        let below = parent.below.join(&word);
        if let Some((_, items)) = child.content {
            return self.add(&Place { name, file: parent.file.clone(), below }, items);
        }
        let place = if let Some(path) = child.attrs.iter().find_map(path_given) {
            let file = folder_of(&parent.file).join(path);
            Place { name, below: folder_of(&file), file }
        } else {
            let usual = parent.below.join(format!("{word}.rs"));
            let file = if usual.is_file() { usual } else { below.join("mod.rs") };
            Place { name, file, below }
        };
        self.read_file(&place)
    }
}

/// Where a module stands.
struct Place {
    name: Name,
    file: PathBuf,
    /// The folder of its children.
    below: PathBuf,
}

fn folder_of(file: &Path) -> PathBuf {
    file.parent().unwrap_or(file).to_owned()
}

/// The file that `#[path = "…"]` names.
fn path_given(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(pair) = &attribute.meta else { return None };
    match &pair.value {
        Expr::Lit(ExprLit { lit: Lit::Str(path), .. }) if pair.path.is_ident("path") => Some(path.value()),
        _ => None,
    }
}
