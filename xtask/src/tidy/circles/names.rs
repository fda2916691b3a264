//! Resolves the modules that a path goes through.

use std::{collections::BTreeSet, path::Path};

use crate::tidy::source::{
    mention::{Mention, Role},
    modules::{Modules, Name},
};

/// Finds modules by their names in other modules.
pub(super) struct Names<'a> {
    modules: &'a Modules,
}

/// The part of a path that leads through modules.
struct PathSoFar {
    /// The modules whose `use` the path follows.
    through: Vec<Name>,
    /// The last module.
    to: Name,
    /// Whether the path ends there.
    is_whole: bool,
}

/// What has already been looked up, because a `use` can lead to itself.
type VisitedNames = BTreeSet<(Name, String)>;

impl<'a> Names<'a> {
    pub(super) fn of(modules: &'a Modules) -> Self {
        Self { modules }
    }

    /// Returns the files of the modules that a mention in the module `from` goes through: the last module that its
    /// path names, and the modules whose imports it follows.
    pub(super) fn files(&self, from: &Name, mention: &Mention) -> BTreeSet<&'a Path> {
        let mut path = mention.path.as_slice();
        if mention.role == Role::Item {
            path = path.split_last().map_or(path, |(_, modules)| modules);
        }
        let Some(way) = self.way(from, path, &mut VisitedNames::new()) else { return BTreeSet::new() };
        let mut named = way.through;
        if let (Role::Import(_), true, Some((word, parent))) =
            (&mention.role, way.is_whole, way.to.split_last())
            && self.imports(parent, word).next().is_some()
        {
            // For example if `confirm` is a module and also a function of that module.
            named.push(parent.to_vec());
        }
        named.push(way.to);
        named.iter().flat_map(|name| self.modules.of_name(name)).map(|module| module.file.as_path()).collect()
    }

    /// Returns `None` if the path starts with the name of another crate, or with a name that is not a module's.
    fn way(&self, from: &Name, path: &[String], seen: &mut VisitedNames) -> Option<PathSoFar> {
        let (first, rest) = path.split_first()?;
        let mut way = PathSoFar { through: Vec::new(), to: from.clone(), is_whole: false };
        match first.as_str() {
            "crate" => way.to.clear(),
            "self" => {}
            "super" => drop(way.to.pop()?),
            // A `use` within the module itself says nothing about other files.
            word => way.to = self.below(from, word, seen)?.0,
        }
        for word in rest {
            if word == "super" {
                way.to.pop()?;
                continue;
            }
            let Some((to, how)) = self.below(&way.to, word, seen) else { return Some(way) };
            if how == Found::Imported {
                way.through.push(way.to);
            }
            way.to = to;
        }
        way.is_whole = true;
        Some(way)
    }

    /// Returns the module that a name denotes in another module: a child, or an imported module.
    fn below(&self, module: &Name, word: &str, seen: &mut VisitedNames) -> Option<(Name, Found)> {
        let child: Name = module.iter().map(String::as_str).chain([word]).map(str::to_owned).collect();
        if !self.modules.of_name(&child).is_empty() {
            return Some((child, Found::Declared));
        }
        if !seen.insert((module.clone(), word.to_owned())) {
            return None;
        }
        for import in self.imports(module, word) {
            if let Some(way) = self.way(module, &import.path, seen)
                && way.is_whole
            {
                return Some((way.to, Found::Imported));
            }
        }
        for glob in self.mentions(module).filter(|mention| mention.role == Role::Glob) {
            if let Some(way) = self.way(module, &glob.path, seen)
                && way.is_whole
                && let Some((to, _)) = self.below(&way.to, word, seen)
            {
                return Some((to, Found::Imported));
            }
        }
        None
    }

    fn imports(&self, module: &[String], word: &str) -> impl Iterator<Item = &'a Mention> {
        let is_it = move |role: &Role| matches!(role, Role::Import(Some(name)) if name == word);
        self.mentions(module).filter(move |mention| is_it(&mention.role))
    }

    fn mentions(&self, module: &[String]) -> impl Iterator<Item = &'a Mention> {
        self.modules.of_name(module).iter().flat_map(|module| &module.mentions)
    }
}

#[derive(PartialEq, Eq)]
enum Found {
    Declared,
    Imported,
}
