//! Secrets by reference: an environment variable, a file, or inline if the operator insists.
//! Tested in `src/config/tests.rs`.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::de::DeValue;

use super::{
    problem::{ConfigProblemKind, Warning},
    section::{Entry, Problems},
};
use host_model::secret::Secret;

/// The environment in which a configuration is read.
pub struct ReadContext<'a> {
    /// The directory that relative file names are resolved against.
    pub base: &'a Path,
    /// Reads an environment variable.
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// The warnings found so far.
    pub warnings: Vec<Warning>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct SecretSource {
    env: Option<String>,
    file: Option<PathBuf>,
    insecure_inline: Option<String>,
}

/// Reads the secret that `entry` refers to.
pub fn secret(entry: Entry<'_>, around: &mut ReadContext<'_>, problems: &mut Problems<'_>) -> Option<Secret> {
    let (at, place) = (entry.at, entry.place.clone());
    if matches!(entry.value.as_ref(), DeValue::String(_)) {
        problems.add(at, &place, ConfigProblemKind::BareSecret);
        return None;
    }
    let reference: SecretSource = entry.section(problems)?.read(problems)?;
    let value = match reference {
        SecretSource { env: Some(name), file: None, insecure_inline: None } => {
            (around.env)(&name).ok_or(ConfigProblemKind::NoVariable(name))
        }
        SecretSource { env: None, file: Some(path), insecure_inline: None } => {
            from_file(&around.base.join(path), &place, &mut around.warnings)
        }
        SecretSource { env: None, file: None, insecure_inline: Some(value) } => Ok(value),
        _ => Err(ConfigProblemKind::NotOnePlace),
    };
    let secret = value.and_then(|value| Secret::new(value).ok_or(ConfigProblemKind::EmptySecret));
    secret.map_err(|wrong| problems.add(at, &place, wrong)).ok()
}

/// Reads a secret from a file, without the newline that editors add at the end.
fn from_file(path: &Path, place: &str, warnings: &mut Vec<Warning>) -> Result<String, ConfigProblemKind> {
    let mut text = std::fs::read_to_string(path)
        .map_err(|cause| ConfigProblemKind::Unreadable { path: path.to_owned(), cause: cause.to_string() })?;
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
