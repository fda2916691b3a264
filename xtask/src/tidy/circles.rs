//! No two files of a crate import each other, be it by way of others: whoever reads one can first read all that it stands
//! on.

mod graph;
mod mention;
mod modules;
mod names;
mod only_tests;
mod paths;
mod tokens;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::Result;
use serde::Deserialize;
use xtask::components::root;

use self::{graph::Graph, modules::Modules, names::Names};
use crate::shell::{cargo, output};

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

/// What cargo knows of a workspace, as far as it is of concern.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
    src_path: PathBuf,
}

/// The packages of the workspace at `folder`, or the one there that is in no workspace.
fn packages(folder: &Path) -> Result<Vec<Package>> {
    let manifest = folder.join("Cargo.toml");
    let mut metadata = cargo(["metadata", "--no-deps", "--format-version=1", "--manifest-path"]);
    let metadata: Metadata = serde_json::from_str(&output(metadata.arg(manifest))?)?;
    Ok(metadata.packages)
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

    /// The first files of its library and its programs. Integration tests, benches, examples and build scripts are crates of
    /// their own, on which nothing builds.
    fn roots(&self) -> impl Iterator<Item = &Path> {
        const LEFT_OUT: [&str; 4] = ["test", "bench", "example", "custom-build"];
        let kept = |target: &&Target| !target.kind.iter().any(|kind| LEFT_OUT.contains(&kind.as_str()));
        self.targets.iter().filter(kept).map(|target| target.src_path.as_path())
    }

    /// What holds them all, such as `plugin/src`.
    fn folder(&self) -> PathBuf {
        let mut folder = self.roots().next().and_then(Path::parent).unwrap_or(root());
        while let Some(above) = folder.parent().filter(|_| !self.roots().all(|root| root.starts_with(folder)))
        {
            folder = above;
        }
        folder.to_owned()
    }
}

#[cfg(test)]
mod tests;
