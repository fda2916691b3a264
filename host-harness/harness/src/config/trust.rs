//! Reads `[trust.NAME]`: whose signatures a plugin needs.
//! Tested in `src/config/tests/trust.rs`.

use std::path::{Path, PathBuf};

use host_trust::{Required, Trust, TrustedKey, TrustedKeys};
use serde::Deserialize;

use super::{
    problem::ConfigProblemKind,
    section::{Entry, Problems},
};

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct KeySource {
    file: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Requirement {
    require: Option<Required>,
}

/// Reads the table of one plugin. Relative file names are resolved against `base`.
pub(super) fn trust(entry: Entry<'_>, base: &Path, problems: &mut Problems<'_>) -> Option<Trust> {
    if let Some(wrong) = ConfigProblemKind::with_name(&entry.key) {
        problems.add(entry.at, &entry.place, wrong);
    }
    let plugin = entry.key.clone();
    let mut section = entry.section(problems)?;
    let (at, place) = (section.at("keys"), section.place.clone());
    let keys = section.take("keys");
    if keys.is_none() {
        problems.add(at, &place, ConfigProblemKind::MissingKey("keys"));
    }
    let listed = keys?.list(problems);
    let count = listed.len();
    let keys: Vec<_> = listed.into_iter().filter_map(|entry| key(entry, base, problems)).collect();
    let Requirement { require } = section.read(problems)?;
    // Each key that is missing here has been reported.
    if keys.len() < count {
        return None;
    }
    let keys = TrustedKeys::try_from(keys);
    let keys = keys.map_err(|none| problems.add(at, &format!("{place}.keys"), none.into())).ok()?;
    Some(Trust::new(plugin, keys, require.unwrap_or(Required::Statement)))
}

fn key(entry: Entry<'_>, base: &Path, problems: &mut Problems<'_>) -> Option<TrustedKey> {
    let (at, place) = (entry.at, entry.place.clone());
    let KeySource { file } = entry.section(problems)?.read(problems)?;
    let key = file.ok_or(ConfigProblemKind::MissingKey("file")).and_then(|file| read_key(base.join(file)));
    key.map_err(|wrong| problems.add(at, &place, wrong)).ok()
}

fn read_key(path: PathBuf) -> Result<TrustedKey, ConfigProblemKind> {
    match std::fs::read(&path) {
        Ok(pem) => TrustedKey::from_pem(&pem).map_err(|why| ConfigProblemKind::NotATrustedKey { path, why }),
        Err(cause) => Err(ConfigProblemKind::Unreadable { path, cause: cause.to_string() }),
    }
}
