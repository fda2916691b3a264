//! A mention of something by its path.

use std::fmt;

use proc_macro2::Ident;
use syn::{ItemUse, UseTree, ext::IdentExt as _};

/// A path, as written in the source.
#[derive(Clone, Debug)]
pub(crate) struct Mention {
    pub(crate) path: Vec<String>,
    pub(crate) role: Role,
    /// The line in its file, starting at 1.
    pub(crate) line: usize,
}

/// What a path denotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// An item, named by the last word. The path of a called method has only that word.
    Item,
    /// An item or a module, known by this name from then on, or `None` if it gets no name.
    Import(Option<String>),
    /// A module, all of whose names are known from then on.
    Glob,
}

impl Mention {
    /// Returns `None` if there are no words.
    pub(crate) fn new<'a>(words: impl IntoIterator<Item = &'a Ident>, role: Role) -> Option<Self> {
        let mut words = words.into_iter().peekable();
        let line = words.peek()?.span().start().line;
        Some(Self { path: words.map(word).collect(), role, line })
    }

    /// Returns the mention as seen from outside `modules` nested modules: what is above them is above the function
    /// that contains them.
    pub(crate) fn out_of(mut self, modules: usize) -> Self {
        let above = self.path.iter().take(modules).take_while(|word| *word == "super").count();
        if above > 0 {
            self.path.splice(..above, ["self".to_owned()]);
        }
        self
    }

    /// Returns everything that one `use` imports.
    pub(crate) fn of_use(item: &ItemUse) -> Vec<Self> {
        // `::name` is another crate.
        if item.leading_colon.is_some() { Vec::new() } else { Self::of_tree(&item.tree) }
    }

    /// Returns everything that the tree between `use` and its semicolon imports.
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

/// Returns the word without the `r#` of a keyword.
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

/// `self` in a group denotes the path before the group.
fn import(before: &[&Ident], ident: &Ident, renamed: Option<&Ident>) -> Option<Mention> {
    let itself = !before.is_empty() && ident == "self";
    let words = before.iter().copied().chain((!itself).then_some(ident));
    let name = renamed.or(words.clone().last()).map(word).filter(|name| name != "_");
    Mention::new(words, Role::Import(name))
}
