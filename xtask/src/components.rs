//! The components to build, their output files and their sources.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use sha2::{Digest as _, Sha256};

/// Has no imports except the contract's.
pub const BARE: &str = "wasm32-unknown-unknown";
/// Adds the toolchain's `wasi:*` imports.
pub const WASI: &str = "wasm32-wasip2";

/// How a component is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recipe {
    /// The Iterable plugin.
    Plugin {
        /// Its compilation target.
        target: &'static str,
        /// The value of `CONNECTOR_BUILD` for the build, which the plugin includes in its version.
        build: Option<&'static str>,
    },
    /// An example of `tests/guests`.
    Guest {
        /// Its compilation target.
        target: &'static str,
    },
    /// A hand-written core module in `tests/guests/wat`.
    Text,
}

/// A component to build.
#[derive(Clone, Debug)]
pub struct Component {
    /// The name, such as `iterable` or `guests/loops_forever`.
    pub name: String,
    /// How it is built.
    pub recipe: Recipe,
}

/// Returns all components.
pub fn all() -> Result<Vec<Component>> {
    let plugin = |name: &str, target, build| Component {
        name: name.to_owned(),
        recipe: Recipe::Plugin { target, build },
    };
    let mut components = vec![
        plugin("iterable", BARE, None),
        plugin("iterable-next", BARE, Some("next")),
        plugin("iterable-wasip2", WASI, None),
    ];
    for guest in stems("tests/guests/examples")? {
        let target = if guest == "wants_wasi" { WASI } else { BARE };
        components.push(Component { name: format!("guests/{guest}"), recipe: Recipe::Guest { target } });
    }
    for guest in stems("tests/guests/wat")? {
        components.push(Component { name: format!("guests/{guest}"), recipe: Recipe::Text });
    }
    Ok(components)
}

/// Returns the path of a component, if it was built from the current sources.
pub fn current(name: &str) -> Result<PathBuf> {
    let components = all()?;
    let component = components
        .iter()
        .find(|component| component.name == name)
        .with_context(|| format!("there is no component `{name}`"))?;
    ensure!(component.path().exists(), "component `{name}` is not built: run `cargo xtask build`");
    ensure!(component.is_current()?, "component `{name}` is older than its sources: run `cargo xtask build`");
    Ok(component.path())
}

impl Component {
    /// Returns the file of the built component.
    pub fn path(&self) -> PathBuf {
        target_dir().join("components").join(&self.name).with_extension("wasm")
    }

    /// Returns the name of its Rust target or text file.
    pub fn stem(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or(&self.name)
    }

    /// Returns whether the component was built from the current sources.
    pub fn is_current(&self) -> Result<bool> {
        let built_of = fs::read_to_string(self.digest_path()).ok();
        Ok(self.path().exists() && built_of == Some(self.digest()?))
    }

    /// Removes the built component, so that it is not taken for current, and returns the digest of the current
    /// sources.
    pub fn discard(&self) -> Result<String> {
        if self.path().exists() {
            fs::remove_file(self.path())?;
        }
        self.digest()
    }

    /// Records the digest of the sources that it was built from.
    pub fn seal(&self, digest: &str) -> Result<()> {
        Ok(fs::write(self.digest_path(), digest)?)
    }

    fn digest_path(&self) -> PathBuf {
        self.path().with_extension("sources")
    }

    /// Returns a digest over the source files in order: the path and content of each, with their lengths.
    fn digest(&self) -> Result<String> {
        let mut files = Vec::new();
        for source in self.sources() {
            collect(&root().join(source), &mut files)?;
        }
        files.sort();
        let mut digest = Sha256::new();
        for file in files {
            let content = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
            let path = file.strip_prefix(root()).unwrap_or(&file).to_string_lossy().into_owned();
            for part in [path.as_bytes(), &content] {
                digest.update((part.len() as u64).to_le_bytes());
                digest.update(part);
            }
        }
        Ok(hex::encode(digest.finalize()))
    }

    fn sources(&self) -> Vec<String> {
        let own: &[&str] = match self.recipe {
            Recipe::Plugin { .. } => &[
                "plugin/Cargo.toml",
                "plugin/src",
                "plugin/conformance",
                "host-harness/model/src/case_section.rs",
            ],
            Recipe::Guest { .. } => &[
                "tests/guests/Cargo.toml",
                "tests/guests/src",
                "tests/guests/wit",
                &format!("tests/guests/examples/{}.rs", self.stem()),
            ],
            Recipe::Text => &[&format!("tests/guests/wat/{}.wat", self.stem())],
        };
        let shared = ["wit", "Cargo.lock", "Cargo.toml", "xtask/src/build.rs", "xtask/src/components.rs"];
        own.iter().chain(&shared).map(ToString::to_string).collect()
    }
}

/// Returns the root folder of the repository.
pub fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// Returns cargo's target folder.
pub fn target_dir() -> PathBuf {
    root().join(env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

/// Returns the folder in which tests keep compiled code: compiling one component takes longer than most tests.
pub fn code_cache() -> PathBuf {
    target_dir().join("test-code")
}

fn stems(folder: &str) -> Result<Vec<String>> {
    let mut files = Vec::new();
    collect(&root().join(folder), &mut files)?;
    files.sort();
    Ok(files.iter().filter_map(|file| Some(file.file_stem()?.to_str()?.to_owned())).collect())
}

/// Collects all files below `path`, except those that `cargo component` generates.
fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if !path.is_dir() {
        if !path.ends_with("plugin/src/bindings.rs") {
            files.push(path.to_owned());
        }
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        collect(&entry?.path(), files)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_component_is_named() {
        assert_eq!(
            current("guests/nobody").unwrap_err().to_string(),
            "there is no component `guests/nobody`"
        );
    }

    #[test]
    fn every_source_of_every_component_exists() {
        for component in all().unwrap() {
            for source in component.sources() {
                assert!(root().join(&source).exists(), "{}: {source}", component.name);
            }
        }
    }

    #[test]
    fn components_of_other_sources_have_other_digests() {
        let components = all().unwrap();
        let digest = |name: &str| components.iter().find(|c| c.name == name).unwrap().digest().unwrap();
        assert_ne!(digest("guests/loops_forever"), digest("guests/describe_traps"));
    }
}
