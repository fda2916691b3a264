//! Small libraries for tests.

use std::fs;

use tempfile::TempDir;

use super::package::{Package, Target};

/// Creates a folder with these files.
pub(crate) fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    folder
}

/// Returns the library whose root is `lib.rs` in the folder.
pub(crate) fn library(folder: &TempDir) -> Package {
    let target = Target { kind: vec!["lib".to_owned()], src_path: folder.path().join("lib.rs") };
    Package { targets: vec![target] }
}
