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
    /// Without its child modules.
    pub(crate) items: Vec<Item>,
    pub(crate) mentions: Vec<Mention>,
}

/// The modules of a crate that are not compiled only for tests. Several modules can have the same name, each for
/// different systems.
#[derive(Default)]
pub(crate) struct Modules {
    modules: BTreeMap<Name, Vec<Module>>,
    only_tests: Vec<PathBuf>,
}

impl Modules {
    /// Reads all modules of the crate with this root file.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let mut modules = Self::default();
        modules.read_file(&ModulePlace {
            name: Name::new(),
            file: root.to_owned(),
            below: folder_of(root),
        })?;
        Ok(modules)
    }

    pub(crate) fn of_name(&self, name: &[String]) -> &[Module] {
        self.modules.get(name).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Name, &Module)> {
        self.modules.iter().flat_map(|(name, modules)| modules.iter().map(move |module| (name, module)))
    }

    /// Returns the files that are compiled only for tests, without those that are only reached through them.
    pub(crate) fn only_tests(&self) -> &[PathBuf] {
        &self.only_tests
    }

    fn read_file(&mut self, place: &ModulePlace) -> Result<()> {
        let text = fs::read_to_string(&place.file).with_context(|| format!("no {}", place.file.display()))?;
        let parsed = syn::parse_file(&text).with_context(|| format!("in {}", place.file.display()))?;
        if parsed.attrs.iter().any(marks_a_test) { Ok(()) } else { self.add(place, parsed.items) }
    }

    fn add(&mut self, place: &ModulePlace, mut items: Vec<Item>) -> Result<()> {
        let children = items.extract_if(.., |item| matches!(item, Item::Mod(_))).collect::<Vec<_>>();
        for child in children {
            let Item::Mod(child) = child else { continue };
            if !child.attrs.iter().any(marks_a_test) {
                self.add_child(place, child)?;
            } else if child.content.is_none() {
                self.only_tests.push(place.child(&child).file);
            }
        }
        let module = Module { file: place.file.clone(), mentions: mentions(&items), items };
        self.modules.entry(place.name.clone()).or_default().push(module);
        Ok(())
    }

    fn add_child(&mut self, parent: &ModulePlace, child: ItemMod) -> Result<()> {
        let place = parent.child(&child);
        match child.content {
            Some((_, items)) => self.add(&place, items),
            None => self.read_file(&place),
        }
    }
}

/// The place of a module.
struct ModulePlace {
    name: Name,
    file: PathBuf,
    /// The folder of its children.
    below: PathBuf,
}

impl ModulePlace {
    fn child(&self, child: &ItemMod) -> Self {
        let word = child.ident.unraw().to_string();
        let name = self.name.iter().chain([&word]).cloned().collect();
        let below = self.below.join(&word);
        if child.content.is_some() {
            return Self { name, file: self.file.clone(), below };
        }
        if let Some(path) = child.attrs.iter().find_map(path_given) {
            let file = folder_of(&self.file).join(path);
            return Self { name, below: folder_of(&file), file };
        }
        let usual = self.below.join(format!("{word}.rs"));
        let file = if usual.is_file() { usual } else { below.join("mod.rs") };
        Self { name, file, below }
    }
}

fn folder_of(file: &Path) -> PathBuf {
    file.parent().unwrap_or(file).to_owned()
}

/// Returns the file that `#[path = "…"]` names.
fn path_given(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(pair) = &attribute.meta else { return None };
    match &pair.value {
        Expr::Lit(ExprLit { lit: Lit::Str(path), .. }) if pair.path.is_ident("path") => Some(path.value()),
        _ => None,
    }
}
