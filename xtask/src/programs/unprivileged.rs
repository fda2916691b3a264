//! Users for servers, which do not run as root, and their files.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, chown},
    path::Path,
    process::Command,
};

use anyhow::Result;

use crate::{debian, shell::output};

/// Returns the user for a server: `name`, since PostgreSQL refuses to run as root, or `None` for this program's user if it
/// is not root.
pub(crate) fn user(name: &'static str) -> Option<&'static str> {
    debian::is_root().then_some(name)
}

/// Creates a folder that only `user` can use.
pub(crate) fn create_folder(path: &Path, user: Option<&str>) -> Result<()> {
    fs::create_dir(path)?;
    give(path, 0o700, user)
}

/// Sets who can use a file or a folder.
pub(crate) fn give(path: &Path, mode: u32, user: Option<&str>) -> Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    if let Some(user) = user {
        let id =
            |which| -> Result<u32> { Ok(output(Command::new("id").args([which, user]))?.trim().parse()?) };
        chown(path, Some(id("-u")?), Some(id("-g")?))?;
    }
    Ok(())
}
