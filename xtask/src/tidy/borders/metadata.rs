//! What cargo knows of the workspace and of all that it depends on.

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::{Context as _, Result};
use serde::Deserialize;
use xtask::components::root;

use crate::shell::{cargo, output, program};

#[derive(Deserialize)]
pub(super) struct Metadata {
    packages: Vec<Package>,
    /// Their ids.
    workspace_members: Vec<String>,
    resolve: Resolve,
}

#[derive(Deserialize)]
pub(super) struct Package {
    pub(super) id: String,
    pub(super) name: String,
    manifest_path: PathBuf,
    /// Each with what it turns on.
    pub(super) features: BTreeMap<String, Vec<String>>,
    pub(super) dependencies: Vec<Dependency>,
}

/// As it stands in a manifest.
#[derive(Deserialize)]
pub(super) struct Dependency {
    pub(super) name: String,
    pub(super) rename: Option<String>,
    /// `None` for a normal one.
    kind: Option<String>,
    pub(super) optional: bool,
    /// Those that it asks for.
    pub(super) features: Vec<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Link>,
}

/// A dependency as it was resolved.
#[derive(Deserialize)]
struct Link {
    /// The id of the package.
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    kind: Option<String>,
}

/// For this machine's platform: what others need may not be there, and is not fetched for a lint.
pub(super) fn read() -> Result<Metadata> {
    let compiler = output(&mut program("rustc", ["--version", "--verbose"]))?;
    let platform = compiler.lines().find_map(|line| line.strip_prefix("host: "));
    let platform = platform.context("rustc --version names no host")?;
    let metadata = output(cargo(["metadata", "--format-version=1", "--filter-platform"]).arg(platform))?;
    Ok(serde_json::from_str(&metadata)?)
}

impl Metadata {
    /// The workspace's own packages.
    pub(super) fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| self.workspace_members.contains(&package.id))
    }

    pub(super) fn member(&self, name: &str) -> Option<&Package> {
        self.members().find(|package| package.name == name)
    }

    /// The packages on which `package` depends normally, with whatever features the whole workspace turns on.
    pub(super) fn normal(&self, package: &Package) -> impl Iterator<Item = &Package> {
        let nodes = self.resolve.nodes.iter().filter(|node| node.id == package.id);
        let links = nodes.flat_map(|node| &node.deps);
        let normal = links.filter(|link| link.dep_kinds.iter().any(|kind| kind.kind.is_none()));
        normal.filter_map(|link| self.packages.iter().find(|other| other.id == link.pkg))
    }
}

impl Package {
    /// Its manifest, below the repository's top folder.
    pub(super) fn manifest(&self) -> String {
        self.manifest_path.strip_prefix(root()).unwrap_or(&self.manifest_path).display().to_string()
    }

    /// Whether it is one of the host's crates, not of what tests and builds them.
    pub(super) fn is_of_host(&self) -> bool {
        self.name.starts_with("host-")
    }

    /// The normal dependencies in its manifest.
    pub(super) fn normal(&self) -> impl Iterator<Item = &Dependency> {
        self.dependencies.iter().filter(|dependency| dependency.kind.is_none())
    }

    /// Whether it depends on it normally and directly, be it if a feature is on.
    pub(super) fn depends_on(&self, name: &str) -> bool {
        self.normal().any(|dependency| dependency.name == name)
    }
}

impl Dependency {
    /// What the manifest calls it.
    pub(super) fn key(&self) -> &str {
        self.rename.as_deref().unwrap_or(&self.name)
    }
}
