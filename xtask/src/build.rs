//! Builds the plugin and the test guests as components, unless they are current.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};
use host_model::case_section::{self, CaseTexts};
use wat::GenerateDwarf;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;
use xtask::components::{self, BARE, Component, Recipe, WASI, root, target_dir};

use crate::shell::{cargo, output, program, run, say};

/// The stack of a call. Without `--stack-first`, an overflow would run into the guest's data instead of a trap. The
/// initial heap of an instance is what a typical call of the plugin uses.
const MEMORY: [&str; 3] = ["-zstack-size=65536", "--stack-first", "--initial-heap=196608"];

/// Builds every component that is missing or older than its sources.
pub(crate) fn all() -> Result<()> {
    let stale = stale()?;
    if stale.is_empty() {
        say("components: up to date");
        return Ok(());
    }
    for target in [BARE, WASI] {
        add_target(target)?;
    }
    // Computed first, so that a source that changes during the build makes the component stale.
    let digests = stale.iter().map(Component::discard).collect::<Result<Vec<_>>>()?;
    for component in &stale {
        match component.recipe {
            Recipe::Plugin { target, build } => plugin(component, target, build)?,
            Recipe::Text => text(component)?,
            // Built below, all guests of a target at once.
            Recipe::Guest { .. } => {}
        }
    }
    for target in [BARE, WASI] {
        guests(&stale, target)?;
    }
    for (component, digest) in stale.iter().zip(&digests) {
        component.seal(digest)?;
    }
    say(&format!("components: {} built, in {}", stale.len(), target_dir().join("components").display()));
    Ok(())
}

fn stale() -> Result<Vec<Component>> {
    let mut stale = Vec::new();
    for component in components::all()? {
        if !component.is_current()? {
            stale.push(component);
        }
    }
    Ok(stale)
}

/// Installs the target with rustup if it is missing.
pub(crate) fn add_target(target: &str) -> Result<()> {
    let sysroot = output(&mut program("rustc", ["--print", "sysroot"]))?;
    if Path::new(sysroot.trim()).join("lib/rustlib").join(target).exists() {
        return Ok(());
    }
    say(&format!("adding the Rust target {target}"));
    run(&mut program("rustup", ["target", "add", target]))
}

fn plugin(component: &Component, target: &str, build: Option<&str>) -> Result<()> {
    say(&format!("building {} for {target}", component.name));
    // With an rlib as a second crate type, link-time optimisation would silently be dropped.
    let mut cargo = cargo(["rustc", "--package", "iterable-connector", "--lib", "--crate-type", "cdylib"]);
    cargo.env_remove("CONNECTOR_BUILD").envs(build.map(|build| ("CONNECTOR_BUILD", build)));
    run(for_wasm(&mut cargo, target))?;
    finish(component, target, "iterable_connector.wasm")?;
    let packed = case_section::pack(&fs::read(component.path())?, &cases()?)?;
    place(component, &packed)
}

/// Returns the texts of the plugin's conformance cases, by name.
fn cases() -> Result<CaseTexts> {
    let folder = root().join("plugin/conformance");
    let mut cases = CaseTexts::new();
    for entry in fs::read_dir(&folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            let text = fs::read_to_string(entry.path().join("case.toml"))?;
            cases.insert(entry.file_name().to_string_lossy().into_owned(), text);
        }
    }
    Ok(cases)
}

fn guests(stale: &[Component], target: &'static str) -> Result<()> {
    let guests: Vec<_> =
        stale.iter().filter(|component| component.recipe == Recipe::Guest { target }).collect();
    if guests.is_empty() {
        return Ok(());
    }
    say(&format!("building {} test guests for {target}", guests.len()));
    let mut cargo = cargo(["build", "--package", "test-guests"]);
    for guest in &guests {
        cargo.args(["--example", guest.stem()]);
    }
    run(for_wasm(&mut cargo, target))?;
    for guest in guests {
        finish(guest, target, &format!("examples/{}.wasm", guest.stem()))?;
    }
    Ok(())
}

/// Configures cargo for a component that contains neither this machine's flags nor its paths, which panic messages
/// would include.
fn for_wasm<'a>(cargo: &'a mut Command, target: &str) -> &'a mut Command {
    let linking = MEMORY.iter().map(|argument| format!("-Clink-arg={argument}"));
    let naming = [(root().to_owned(), "."), (cargo_home(), "cargo")]
        .map(|(path, name)| format!("--remap-path-prefix={}={name}", path.display()));
    let flags: Vec<_> = linking.chain(naming).map(|flag| format!("{flag:?}")).collect();
    cargo
        .args(["--profile", "component", "--target", target, "--target-dir"])
        .arg(target_dir())
        .arg("--config")
        .arg(format!("target.{target}.rustflags=[{}]", flags.join(", ")))
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
}

/// Returns the folder of the sources of dependencies.
fn cargo_home() -> PathBuf {
    let home =
        || PathBuf::from(env::var_os("HOME").or_else(|| env::var_os("USERPROFILE")).unwrap_or_default());
    env::var_os("CARGO_HOME").map_or_else(|| home().join(".cargo"), PathBuf::from)
}

/// Puts cargo's output in its place. On WASI, the linker has already made it a component.
fn finish(component: &Component, target: &str, artifact: &str) -> Result<()> {
    let module = fs::read(target_dir().join(target).join("component").join(artifact))?;
    let bytes = if target == WASI { module } else { encode(&component.name, &module)? };
    place(component, &bytes)
}

fn text(component: &Component) -> Result<()> {
    say(&format!("encoding {}", component.name));
    // Relative, since the component contains the name and the lines of the file.
    let file = Path::new("tests/guests/wat").join(component.stem()).with_extension("wat");
    let text = fs::read_to_string(root().join(&file))?;
    let mut parser = wat::Parser::new();
    let mut module = parser.generate_dwarf(GenerateDwarf::Lines).parse_str(Some(&file), text)?;
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(root().join("wit"))?;
    let world = resolve.select_world(&[package], Some("base"))?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
    place(component, &encode(&component.name, &module)?)
}

fn encode(name: &str, module: &[u8]) -> Result<Vec<u8>> {
    ComponentEncoder::default()
        .validate(true)
        .module(module)
        .and_then(ComponentEncoder::encode)
        .with_context(|| format!("cannot build a component from {name}"))
}

fn place(component: &Component, bytes: &[u8]) -> Result<()> {
    let path = component.path();
    fs::create_dir_all(path.parent().unwrap_or(root()))?;
    Ok(fs::write(path, bytes)?)
}
