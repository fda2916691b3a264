//! Secrets by reference: a variable, a file, or inline where the operator insists.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::de::DeValue;

use super::{
    problem::{Warning, Wrong},
    section::{Entry, Problems},
};
use host_model::secret::Secret;

/// What a configuration is read with.
pub struct Surroundings<'a> {
    /// Relative files are looked for here.
    pub base: &'a Path,
    /// Reads an environment variable.
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// What is not forbidden but unwise, as far as was found.
    pub warnings: Vec<Warning>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Reference {
    env: Option<String>,
    file: Option<PathBuf>,
    insecure_inline: Option<String>,
}

/// The secret that `entry` names.
pub fn secret(
    entry: Entry<'_>,
    around: &mut Surroundings<'_>,
    problems: &mut Problems<'_>,
) -> Option<Secret> {
    let (at, place) = (entry.at, entry.place.clone());
    if matches!(entry.value.as_ref(), DeValue::String(_)) {
        problems.add(at, &place, Wrong::BareSecret);
        return None;
    }
    let reference: Reference = entry.section(problems)?.read(problems)?;
    let value = match reference {
        Reference { env: Some(name), file: None, insecure_inline: None } => {
            (around.env)(&name).ok_or(Wrong::NoVariable(name))
        }
        Reference { env: None, file: Some(path), insecure_inline: None } => {
            from_file(&around.base.join(path), &place, &mut around.warnings)
        }
        Reference { env: None, file: None, insecure_inline: Some(value) } => Ok(value),
        _ => Err(Wrong::NotOnePlace),
    };
    let secret = value.and_then(|value| Secret::new(value).ok_or(Wrong::EmptySecret));
    secret.map_err(|wrong| problems.add(at, &place, wrong)).ok()
}

/// Editors end a file with a newline that is no part of the secret.
fn from_file(path: &Path, place: &str, warnings: &mut Vec<Warning>) -> Result<String, Wrong> {
    let mut text = std::fs::read_to_string(path)
        .map_err(|cause| Wrong::Unreadable { path: path.to_owned(), cause: cause.to_string() })?;
    if is_open_to_others(path) {
        warnings.push(Warning::OpenToOthers { place: place.to_owned(), path: path.to_owned() });
    }
    let end = text.trim_end_matches(['\r', '\n']).len();
    text.truncate(end);
    Ok(text)
}

#[cfg(unix)]
fn is_open_to_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o004 != 0)
}

#[cfg(not(unix))]
fn is_open_to_others(_: &Path) -> bool {
    false
}
