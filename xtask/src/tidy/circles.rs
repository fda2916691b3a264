//! No two files of a crate import each other, be it by way of others: whoever reads one can first read all that it stands
//! on.

mod graph;
mod names;

use std::{collections::BTreeMap, path::Path};

use anyhow::Result;
use xtask::components::root;

use self::{graph::Graph, names::Names};
use super::source::{
    modules::Modules,
    package::{Package, packages},
};

/// Packages that may have circles for now, each with the reason.
const EXCEPTED: [(&str, &str); 3] = [
    ("host-cli", "its circles are being opened"),
    ("host-service", "its circles are being opened"),
    ("host-store", "its circles are being opened"),
];

pub(super) fn findings() -> Result<Vec<String>> {
    let packages = packages(root())?;
    let found = packages.iter().map(|package| Ok((package.name.as_str(), package.circles()?)));
    Ok(judged(&found.collect::<Result<_>>()?, &EXCEPTED))
}

/// What is wrong where these packages have these circles: an exception that nothing needs is told too.
fn judged(found: &BTreeMap<&str, Vec<String>>, excepted: &[(&str, &str)]) -> Vec<String> {
    let has_circles = |name| found.get(name).is_some_and(|circles| !circles.is_empty());
    let needless = excepted.iter().filter(|(name, _)| !has_circles(name));
    let needless = needless.map(|(name, reason)| {
        format!("{name}: it may have circles ({reason}) and has none: strike it from `EXCEPTED`")
    });
    let others = found.iter().filter(|(name, _)| !excepted.iter().any(|(excepted, _)| excepted == *name));
    others.flat_map(|(_, circles)| circles).cloned().chain(needless).collect()
}

impl Package {
    /// A text for each knot of files that import each other, with the shortest circle in it.
    fn circles(&self) -> Result<Vec<String>> {
        let folder = self.folder();
        let shown = folder.strip_prefix(root()).unwrap_or(&folder).display();
        let circles = self.imports(&folder)?.circles();
        Ok(circles.into_iter().map(|circle| format!("{shown}: {circle}")).collect())
    }

    /// Which file imports which.
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
