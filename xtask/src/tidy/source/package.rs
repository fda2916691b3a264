//! The packages of a workspace and the folders of their source.

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::Deserialize;
use xtask::components::root;

use crate::shell::{cargo, output};

/// The part of cargo's metadata that is needed here.
#[derive(Deserialize)]
struct WorkspaceMetadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
pub(crate) struct Package {
    pub(crate) targets: Vec<Target>,
}

#[derive(Deserialize)]
pub(crate) struct Target {
    pub(crate) kind: Vec<String>,
    pub(crate) src_path: PathBuf,
}

/// Returns the packages of the workspace at `folder`, or the one package there if it is in no workspace.
pub(crate) fn packages(folder: &Path) -> Result<Vec<Package>> {
    let manifest = folder.join("Cargo.toml");
    let mut metadata = cargo(["metadata", "--no-deps", "--format-version=1", "--manifest-path"]);
    let metadata: WorkspaceMetadata = serde_json::from_str(&output(metadata.arg(manifest))?)?;
    Ok(metadata.packages)
}

/// A path below the repository's top folder.
pub(crate) fn below_root(file: &Path) -> String {
    file.strip_prefix(root()).unwrap_or(file).display().to_string()
}

impl Package {
    /// Returns the root files of its library and its programs. Integration tests, benches, examples and build scripts
    /// are separate crates on which nothing depends.
    pub(crate) fn roots(&self) -> impl Iterator<Item = &Path> {
        const LEFT_OUT: [&str; 4] = ["test", "bench", "example", "custom-build"];
        let kept = |target: &&Target| !target.kind.iter().any(|kind| LEFT_OUT.contains(&kind.as_str()));
        self.targets.iter().filter(kept).map(|target| target.src_path.as_path())
    }

    /// Returns the folder that contains all of them, such as `plugin/src`.
    pub(crate) fn folder(&self) -> PathBuf {
        let mut folder = self.roots().next().and_then(Path::parent).unwrap_or(root());
        while let Some(above) = folder.parent().filter(|_| !self.roots().all(|root| root.starts_with(folder)))
        {
            folder = above;
        }
        folder.to_owned()
    }
}
