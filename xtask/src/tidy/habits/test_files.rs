//! Tests are found by their files' names.

use std::path::Path;

use crate::tidy::source::{modules::Modules, package::below_root};

/// Files that only tests compile and that do not have "test" in their path.
pub(super) fn findings(modules: &Modules) -> impl Iterator<Item = String> {
    let unnamed = modules.only_tests().iter().filter(|file| !is_named(file));
    unnamed.map(|file| {
        format!("{}: only tests compile it, and its path does not say \"test\": rename it", below_root(file))
    })
}

/// Whether the path below the package's source says so. A folder `tests/` above the package says nothing of its files.
fn is_named(file: &Path) -> bool {
    let below = file.iter().skip_while(|part| *part != "src").skip(1);
    below.into_iter().any(|part| part.to_string_lossy().contains("test"))
}
