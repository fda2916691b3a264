//! One mention of something by its path.

use std::fmt;

use proc_macro2::Ident;
use syn::{ItemUse, UseTree, ext::IdentExt as _};

/// A path, as it is written where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Mention {
    pub(crate) path: Vec<String>,
    pub(crate) role: Role,
    /// In its file, from 1.
    pub(crate) line: usize,
}

/// What a path stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// An item, which is its last word; a method that is called has no other.
    Item,
    /// An item or a module, known by this name from then on; `None` where it is given no name.
    Import(Option<String>),
    /// A module, whose names are all known from then on.
    Glob,
}

impl Mention {
    /// `None` where there are no words.
    pub(crate) fn new<'a>(words: impl IntoIterator<Item = &'a Ident>, role: Role) -> Option<Self> {
        let mut words = words.into_iter().peekable();
        let line = words.peek()?.span().start().line;
        Some(Self { path: words.map(word).collect(), role, line })
    }

    /// The same, seen from around so many modules: what is above them is above the function that holds them.
    pub(crate) fn out_of(mut self, modules: usize) -> Self {
        let above = self.path.iter().take(modules).take_while(|word| *word == "super").count();
        if above > 0 {
            self.path.splice(..above, ["self".to_owned()]);
        }
        self
    }

    /// Everything that one `use` imports.
    pub(crate) fn of_use(item: &ItemUse) -> Vec<Self> {
        // `::name` is another crate.
        if item.leading_colon.is_some() { Vec::new() } else { Self::of_tree(&item.tree) }
    }

    /// The same of what stands between `use` and its semicolon.
    pub(crate) fn of_tree(tree: &UseTree) -> Vec<Self> {
        let mut found = Vec::new();
        collect(tree, &mut Vec::new(), &mut found);
        found
    }
}

impl fmt::Display for Mention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path.join("::"))?;
        if self.role == Role::Glob { f.write_str("::*") } else { Ok(()) }
    }
}

/// Without the `r#` of a word that is one of Rust's own.
fn word(ident: &Ident) -> String {
    ident.unraw().to_string()
}

fn collect<'a>(tree: &'a UseTree, before: &mut Vec<&'a Ident>, found: &mut Vec<Mention>) {
    match tree {
        UseTree::Path(path) => {
            before.push(&path.ident);
            collect(&path.tree, before, found);
            before.pop();
        }
        UseTree::Group(group) => group.items.iter().for_each(|tree| collect(tree, before, found)),
        UseTree::Glob(_) => found.extend(Mention::new(before.iter().copied(), Role::Glob)),
        UseTree::Name(name) => found.extend(import(before, &name.ident, None)),
        UseTree::Rename(rename) => found.extend(import(before, &rename.ident, Some(&rename.rename))),
    }
}

/// `self` in a group is what stands before the group.
fn import(before: &[&Ident], ident: &Ident, renamed: Option<&Ident>) -> Option<Mention> {
    let itself = !before.is_empty() && ident == "self";
    let words = before.iter().copied().chain((!itself).then_some(ident));
    let name = renamed.or(words.clone().last()).map(word).filter(|name| name != "_");
    Mention::new(words, Role::Import(name))
}
