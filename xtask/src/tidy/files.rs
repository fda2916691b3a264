//! Checks that files are short, and contain no paths of a machine and no notes about unfinished work.

use std::{fs, path::Path};

use anyhow::Result;
use xtask::components::root;

use crate::shell::{output, program};

/// The maximum number of lines in a file.
const LINES: usize = 400;
/// The file types with a maximum length.
const COUNTED: [&str; 3] = ["rs", "wit", "sh"];

/// Unwanted words, each with the reason. Written in halves, so that this file passes.
const UNWANTED: [(&str, &str); 10] = [
    (concat!("TO", "DO"), "is for an issue"),
    (concat!("FIX", "ME"), "is for an issue"),
    (concat!("#[ig", "nore]"), "disables a test without a reason"),
    (concat!("/wo", "rk/"), "is a path of one machine"),
    (concat!("/ro", "ot/"), "is a path of one machine"),
    (concat!("/tm", "p/"), "is a path of one machine"),
    (concat!("crates", ".io"), "is a registry: cargo knows where packages are"),
    (concat!("npmjs", ".org"), "is a registry"),
    (concat!("pypi", ".org"), "is a registry"),
    (concat!("docker", ".io"), "is a registry"),
];

pub(super) fn findings() -> Result<Vec<String>> {
    let listed = output(&mut program("git", ["ls-files", "--cached", "--others", "--exclude-standard"]))?;
    let mut findings = Vec::new();
    for name in listed.lines().filter(|name| *name != "Cargo.lock") {
        // A file that is not text, or was just deleted, has no lines.
        if let Ok(text) = fs::read_to_string(root().join(name)) {
            findings.extend(in_file(name, &text));
        }
    }
    if let Ok(readme) = fs::read_to_string(root().join("README.md")) {
        findings.extend(folders(&readme).filter(|folder| !root().join(folder).is_dir()).map(missing));
    }
    Ok(findings)
}

fn in_file(name: &str, text: &str) -> Vec<String> {
    let mut findings = Vec::new();
    let lines = text.lines().count();
    let counted =
        Path::new(name).extension().is_some_and(|kind| COUNTED.iter().any(|counted| kind == *counted));
    if counted && lines > LINES {
        findings.push(format!("{name}: {lines} lines, expected at most {LINES}: split the file"));
    }
    for (number, line) in (1..).zip(text.lines()) {
        for (word, why) in UNWANTED.iter().filter(|(word, _)| line.contains(word)) {
            findings.push(format!("{name}:{number}: `{word}` {why}"));
        }
    }
    findings
}

/// Returns the folders in the first column of a table, such as `wit/` in "| `wit/` | the contract |".
fn folders(readme: &str) -> impl Iterator<Item = &str> {
    let cells = readme.lines().filter_map(|line| line.strip_prefix('|')?.split('|').next());
    cells.filter_map(|cell| cell.trim().strip_prefix('`')?.strip_suffix("/`"))
}

fn missing(folder: &str) -> String {
    format!("README.md: there is no folder `{folder}/`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_source_is_found() {
        let text = "\n".repeat(LINES + 1);
        assert_eq!(in_file("a.rs", &text), ["a.rs: 401 lines, expected at most 400: split the file"]);
        assert_eq!(in_file("a.rs", &text[1..]), [""; 0]);
        assert_eq!(in_file("a.json", &text), [""; 0]);
    }

    #[test]
    fn every_unwanted_word_is_found_with_its_line() {
        for (word, why) in UNWANTED {
            assert_eq!(in_file("a.md", &format!("one\n{word}")), [format!("a.md:2: `{word}` {why}")]);
        }
    }

    #[test]
    fn folders_are_read_from_the_first_column() {
        let readme = "text `no/`\n\n| Folder | What |\n|---|---|\n| `wit/` | see `other/` |\n| `a/b/` | x |\n| `file.rs` | y |";
        assert_eq!(folders(readme).collect::<Vec<_>>(), ["wit", "a/b"]);
    }
}
