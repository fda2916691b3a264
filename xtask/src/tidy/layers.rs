//! Borders that cargo cannot express: inside the host's crate, generated types and wasmtime stay behind the sandbox, so that
//! a second contract version reaches nothing else.

use std::{fs, path::Path};

use anyhow::Result;
use xtask::components::root;

/// What of the host's crate names no wasmtime type and no generated one, as folders or files.
const BEHIND_NO_SANDBOX: [&str; 11] = [
    "clock.rs",
    "config",
    "config.rs",
    "connection",
    "connection.rs",
    "credential.rs",
    "door",
    "door.rs",
    "egress",
    "egress.rs",
    "lines.rs",
];
/// How either would be named.
const NAMES: [&str; 3] = ["wasmtime::", "bindings::", "wit_bindgen"];

pub(super) fn findings() -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for part in BEHIND_NO_SANDBOX {
        look(&root().join("host-harness/harness/src").join(part), &NAMES, &mut findings)?;
    }
    // The plugin's one file that sees generated types, and what `cargo component` writes.
    let seen_by = ["component.rs", "bindings.rs", "lib.rs"];
    for entry in fs::read_dir(root().join("plugin/src"))? {
        let path = entry?.path();
        if !seen_by.iter().any(|name| path.ends_with(name)) {
            look(&path, &NAMES, &mut findings)?;
        }
    }
    Ok(findings)
}

fn look(path: &Path, names: &[&str], findings: &mut Vec<String>) -> Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            look(&entry?.path(), names, findings)?;
        }
        return Ok(());
    }
    let text = fs::read_to_string(path)?;
    for name in names.iter().filter(|name| text.contains(**name)) {
        findings.push(format!("{}: names `{name}`, which its layer does not know", path.display()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_that_names_what_it_may_not_know_is_found() {
        let mut findings = Vec::new();
        let engine = root().join("host-harness/harness/src/engine.rs");
        look(&engine, &NAMES, &mut findings).unwrap();
        assert_eq!(findings.len(), 2, "{findings:?}");
    }
}
