//! Cargo's metadata of the workspace and all of its dependencies.

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::{Context as _, Result};
use serde::Deserialize;
use xtask::components::root;

use crate::shell::{cargo, output, program};

#[derive(Deserialize)]
pub(super) struct DependencyMetadata {
    packages: Vec<GraphPackage>,
    /// The ids of the workspace's packages.
    workspace_members: Vec<String>,
    resolve: Resolve,
}

#[derive(Deserialize)]
pub(super) struct GraphPackage {
    pub(super) id: String,
    pub(super) name: String,
    manifest_path: PathBuf,
    /// The features, each with what it turns on.
    pub(super) features: BTreeMap<String, Vec<String>>,
    pub(super) dependencies: Vec<Dependency>,
}

/// A dependency as declared in a manifest.
#[derive(Deserialize)]
pub(super) struct Dependency {
    pub(super) name: String,
    pub(super) rename: Option<String>,
    /// `None` for a normal dependency.
    kind: Option<String>,
    pub(super) optional: bool,
    /// The features that it requests.
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

/// Reads the metadata for this machine's platform: the dependencies of other platforms may not be available, and are
/// not fetched for a lint.
pub(super) fn read() -> Result<DependencyMetadata> {
    let compiler = output(&mut program("rustc", ["--version", "--verbose"]))?;
    let platform = compiler.lines().find_map(|line| line.strip_prefix("host: "));
    let platform = platform.context("no host in the output of rustc --version")?;
    let metadata = output(cargo(["metadata", "--format-version=1", "--filter-platform"]).arg(platform))?;
    Ok(serde_json::from_str(&metadata)?)
}

impl DependencyMetadata {
    /// Returns the workspace's own packages.
    pub(super) fn members(&self) -> impl Iterator<Item = &GraphPackage> {
        self.packages.iter().filter(|package| self.workspace_members.contains(&package.id))
    }

    pub(super) fn member(&self, name: &str) -> Option<&GraphPackage> {
        self.members().find(|package| package.name == name)
    }

    /// Returns the packages on which `package` depends normally, with the features that the whole workspace turns on.
    pub(super) fn normal(&self, package: &GraphPackage) -> impl Iterator<Item = &GraphPackage> {
        let nodes = self.resolve.nodes.iter().filter(|node| node.id == package.id);
        let links = nodes.flat_map(|node| &node.deps);
        let normal = links.filter(|link| link.dep_kinds.iter().any(|kind| kind.kind.is_none()));
        normal.filter_map(|link| self.packages.iter().find(|other| other.id == link.pkg))
    }
}

impl GraphPackage {
    /// Returns its manifest, relative to the repository's root folder.
    pub(super) fn manifest(&self) -> String {
        self.manifest_path.strip_prefix(root()).unwrap_or(&self.manifest_path).display().to_string()
    }

    /// Returns whether it is one of the host's crates, rather than one that tests or builds them.
    pub(super) fn is_of_host(&self) -> bool {
        self.name.starts_with("host-")
    }

    /// Returns the normal dependencies in its manifest.
    pub(super) fn normal(&self) -> impl Iterator<Item = &Dependency> {
        self.dependencies.iter().filter(|dependency| dependency.kind.is_none())
    }

    /// Returns whether it depends on it normally and directly, even if only when a feature is on.
    pub(super) fn depends_on(&self, name: &str) -> bool {
        self.normal().any(|dependency| dependency.name == name)
    }
}

impl Dependency {
    /// Returns the name that the manifest uses.
    pub(super) fn key(&self) -> &str {
        self.rename.as_deref().unwrap_or(&self.name)
    }
}
