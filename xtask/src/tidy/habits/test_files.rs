//! Tests are found by their files' names.

use std::path::Path;

use anyhow::Result;

use crate::tidy::source::package::{Package, below_root};

impl Package {
    /// Files that only tests compile and that do not have "test" in their path.
    pub(super) fn test_files(&self) -> Result<Vec<String>> {
        let mut findings = Vec::new();
        for modules in self.crates()? {
            let unnamed = modules.only_tests().iter().filter(|file| !is_named(file));
            findings.extend(unnamed.map(|file| {
                format!(
                    "{}: holds tests alone, and its path does not say \"test\": rename it",
                    below_root(file)
                )
            }));
        }
        Ok(findings)
    }
}

/// Whether the path below the package's source says so. A folder `tests/` above the package says nothing of its files.
pub(super) fn is_named(file: &Path) -> bool {
    let below = file.iter().skip_while(|part| *part != "src").skip(1);
    below.into_iter().any(|part| part.to_string_lossy().contains("test"))
}
