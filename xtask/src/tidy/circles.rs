//! No two files of a crate import each other, directly or through others, so that a reader of a file can first read
//! everything that it builds on.

mod graph;
mod names;

use std::path::Path;

use anyhow::Result;
use xtask::components::root;

use self::{graph::Graph, names::Names};
use super::source::{
    modules::Modules,
    package::{Package, packages},
};

pub(super) fn findings() -> Result<Vec<String>> {
    let circles = packages(root())?.iter().map(Package::circles).collect::<Result<Vec<_>>>()?;
    Ok(circles.concat())
}

impl Package {
    /// Returns a text for each group of files that import each other, with the shortest circle in it.
    fn circles(&self) -> Result<Vec<String>> {
        let folder = self.folder();
        let shown = folder.strip_prefix(root()).unwrap_or(&folder).display();
        let circles = self.imports(&folder)?.circles();
        Ok(circles.into_iter().map(|circle| format!("{shown}: {circle}")).collect())
    }

    /// Returns which file imports which.
    fn imports(&self, folder: &Path) -> Result<Graph> {
        let shown = |file: &Path| file.strip_prefix(folder).unwrap_or(file).display().to_string();
        let mut imports = Graph::default();
        for root in self.roots() {
            let modules = Modules::read(root)?;
            let names = Names::of(&modules);
            for (name, module) in modules.iter() {
                let from = shown(&module.file);
                for mention in &module.mentions {
                    for file in names.files(name, mention) {
                        let why = format!("{from}:{} uses {mention}", mention.line);
                        imports.add(from.clone(), shown(file), why);
                    }
                }
            }
        }
        Ok(imports)
    }
}

#[cfg(test)]
mod tests;
