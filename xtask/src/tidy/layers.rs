//! Borders that cargo cannot express. Inside the host's crate, generated types and wasmtime stay within the code that
//! runs a sandbox, so that a second contract version affects nothing else. The HTTP client stays within the few files
//! that may send anything.

use std::{fs, path::Path};

use anyhow::Result;
use xtask::components::root;

/// The source folder of the code that runs sandboxes.
const HARNESS: &str = "host-harness/harness/src";
/// The files and folders there that may name wasmtime's types or generated ones. Nothing else may, including
/// connections, egress, door, configuration and anything new.
const RUNS_SANDBOXES: [&str; 23] = [
    "bindings",
    "bindings.rs",
    "calls.rs",
    "calls/measure.rs",
    "compile/child.rs",
    "compile/code.rs",
    "compile/compatibility.rs",
    "compile/compilation.rs",
    "compile/error.rs",
    "compile/target.rs",
    "engine.rs",
    "engine/settings.rs",
    "imports",
    "imports.rs",
    "plugin/exports.rs",
    "plugin/load.rs",
    "plugin/loaded.rs",
    "plugin/surface.rs",
    "sandbox/backtrace.rs",
    "sandbox/failure.rs",
    "sandbox/host_time.rs",
    "sandbox/instance.rs",
    "sandbox/state.rs",
];
/// The plugin's only file that may use generated types, and the files that `cargo component` writes.
const SEES_BINDINGS: [&str; 3] = ["component.rs", "bindings.rs", "lib.rs"];
/// The names by which either would be used.
const NAMES: [&str; 3] = ["wasmtime::", "bindings::", "wit_bindgen"];
/// The files that may name the HTTP client: the egress of the sandbox, the posts to operators and platforms, the requests to
/// registries of plugins, and the command line's requests to its service.
const SENDS: [&str; 4] = [
    "harness/src/egress/network.rs",
    "service/src/posts/post.rs",
    "registry/src/wire.rs",
    "cli/src/client.rs",
];
/// The name by which it would be used.
const CLIENT: [&str; 1] = ["reqwest::"];

pub(super) fn findings() -> Result<Vec<String>> {
    let mut findings = Vec::new();
    let harness = root().join(HARNESS);
    findings.extend(missing(&harness, &RUNS_SANDBOXES));
    look(&harness, &RUNS_SANDBOXES, &NAMES, &mut findings)?;
    look(&root().join("plugin/src"), &SEES_BINDINGS, &NAMES, &mut findings)?;
    let host = root().join("host-harness");
    findings.extend(missing(&host, &SENDS));
    for package in fs::read_dir(&host)? {
        let source = package?.path().join("src");
        let but: Vec<_> = SENDS.iter().map(|part| host.join(part)).collect();
        if source.is_dir() {
            look_at(&source, &|path| but.iter().any(|part| part == path), &CLIENT, &mut findings)?;
        }
    }
    Ok(findings)
}

/// Returns a finding for each listed file that no longer exists.
fn missing(source: &Path, listed: &[&str]) -> Vec<String> {
    let gone = listed.iter().map(|part| source.join(part)).filter(|part| !part.exists());
    gone.map(|part| format!("{}: is listed in xtask/src/tidy/layers.rs but does not exist", part.display()))
        .collect()
}

/// Checks a source folder, except for `but`.
fn look(source: &Path, but: &[&str], names: &[&str], findings: &mut Vec<String>) -> Result<()> {
    let but: Vec<_> = but.iter().map(|part| source.join(part)).collect();
    look_at(source, &|path| but.iter().any(|part| part == path), names, findings)
}

fn look_at(
    path: &Path,
    is_left_out: &dyn Fn(&Path) -> bool,
    names: &[&str],
    findings: &mut Vec<String>,
) -> Result<()> {
    if is_left_out(path) {
        return Ok(());
    }
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            look_at(&entry?.path(), is_left_out, names, findings)?;
        }
        return Ok(());
    }
    let text = fs::read_to_string(path)?;
    for name in names.iter().filter(|name| text.contains(**name)) {
        findings.push(format!("{}: names `{name}`, which its layer must not use", path.display()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::source::test_sample::folder;

    #[test]
    fn a_layer_that_names_what_it_may_not_know_is_found_wherever_it_is_not_left_out() {
        let folder = folder(&[
            ("engine.rs", "use wasmtime::Engine;"),
            ("bindings/linker.rs", "use wasmtime::component::Linker;"),
            ("egress.rs", "use crate::bindings::contract;\nuse wasmtime::Store;"),
            ("egress/new/deep.rs", "fn f(error: wasmtime::Error) {}"),
            ("door.rs", "//! A layer before wasmtime."),
        ]);
        let mut findings = Vec::new();
        look(folder.path(), &["engine.rs", "bindings"], &NAMES, &mut findings).unwrap();
        findings.sort();
        let shown: Vec<_> =
            findings.iter().map(|found| found.replace(folder.path().to_str().unwrap(), "")).collect();
        assert_eq!(
            shown,
            [
                "/egress.rs: names `bindings::`, which its layer must not use",
                "/egress.rs: names `wasmtime::`, which its layer must not use",
                "/egress/new/deep.rs: names `wasmtime::`, which its layer must not use",
            ]
        );
    }

    #[test]
    fn what_is_listed_and_gone_is_found() {
        let folder = folder(&[("lib.rs", "")]);
        let found = missing(folder.path(), &["lib.rs", "moved.rs"]);
        let told = "moved.rs: is listed in xtask/src/tidy/layers.rs but does not exist";
        assert!(found.len() == 1 && found[0].ends_with(told), "{found:?}");
    }
}
