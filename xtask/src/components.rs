//! The components that there are to build, where each one goes, and which sources it is made of.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use sha2::{Digest as _, Sha256};

/// Leaves no import but the contract's.
pub const BARE: &str = "wasm32-unknown-unknown";
/// Brings its toolchain's `wasi:*` imports along.
pub const WASI: &str = "wasm32-wasip2";

/// How a component is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recipe {
    /// The Iterable plugin.
    Plugin {
        /// Its compilation target.
        target: &'static str,
        /// What `CONNECTOR_BUILD` says while it is built; the plugin has it in its version.
        build: Option<&'static str>,
    },
    /// An example of `tests/guests`.
    Guest {
        /// Its compilation target.
        target: &'static str,
    },
    /// A core module written by hand, in `tests/guests/wat`.
    Text,
}

/// A component to build.
#[derive(Clone, Debug)]
pub struct Component {
    /// Such as `iterable` or `guests/loops_forever`.
    pub name: String,
    /// How it is made.
    pub recipe: Recipe,
}

/// Every component that there is.
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

/// Where a component is, provided that it was built of the sources as they are now.
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
    /// The file that it is in once built.
    pub fn path(&self) -> PathBuf {
        target_dir().join("components").join(&self.name).with_extension("wasm")
    }

    /// The name of its Rust target or its text.
    pub fn stem(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or(&self.name)
    }

    /// Whether what is built is of the sources as they are now.
    pub fn is_current(&self) -> Result<bool> {
        let built_of = fs::read_to_string(self.digest_path()).ok();
        Ok(self.path().exists() && built_of == Some(self.digest()?))
    }

    /// Removes what is built, so that nobody takes it for current, and gives the digest of its sources now.
    pub fn discard(&self) -> Result<String> {
        if self.path().exists() {
            fs::remove_file(self.path())?;
        }
        self.digest()
    }

    /// Notes which sources it was built of, by their digest.
    pub fn seal(&self, digest: &str) -> Result<()> {
        Ok(fs::write(self.digest_path(), digest)?)
    }

    fn digest_path(&self) -> PathBuf {
        self.path().with_extension("sources")
    }

    /// Over its files, in order: each one's path and content, with their lengths.
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
            Recipe::Plugin { .. } => &["plugin/Cargo.toml", "plugin/src"],
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

/// The top folder of the repository.
pub fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// Where cargo builds.
pub fn target_dir() -> PathBuf {
    root().join(env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

fn stems(folder: &str) -> Result<Vec<String>> {
    let mut files = Vec::new();
    collect(&root().join(folder), &mut files)?;
    files.sort();
    Ok(files.iter().filter_map(|file| Some(file.file_stem()?.to_str()?.to_owned())).collect())
}

/// All files below `path`, but for what `cargo component` generates.
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
