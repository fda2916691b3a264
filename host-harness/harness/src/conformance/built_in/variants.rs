//! The settings with which the built-in set calls a connector.

use std::sync::Arc;

use host_model::contract::{
    Settings,
    manifest::{Manifest, SettingSpec},
};

use crate::{
    conformance::{made_up, stage::Stage},
    connection::Connection,
};

/// Maximum number of variants. Each takes several hundred calls.
const MAX_VARIANTS: usize = 12;

/// A connection to call with.
pub(super) struct Variant {
    /// Its settings in words.
    pub(super) about: String,
    pub(super) connection: Arc<Connection>,
}

/// Returns the connections to call with: with the settings `own` and otherwise defaults, with those of each case, and with
/// each other option of a setting. Returns the reason if a required setting has no value in any of them.
pub(super) fn variants<'s>(
    stage: &Stage,
    own: &Settings,
    cases: impl Iterator<Item = (&'s str, &'s Settings)>,
) -> Result<Vec<Variant>, String> {
    let manifest = stage.plugin.manifest();
    let mut written = vec![("default settings".to_owned(), made_up::settings(manifest, own))];
    written.extend(cases.map(|(case, settings)| {
        let given = own.iter().chain(settings).map(|(name, value)| (name.clone(), value.clone())).collect();
        (format!("the settings of the case {case}"), made_up::settings(manifest, &given))
    }));
    let base = written.iter().find(|(_, settings)| stage.connection(settings).is_ok());
    let options = base.map(|(_, base)| options(manifest, base)).unwrap_or_default();
    written.extend(options);
    let mut known: Vec<Settings> = Vec::new();
    let mut variants = Vec::new();
    let mut missing = None;
    for (about, settings) in written {
        if variants.len() == MAX_VARIANTS || known.contains(&settings) {
            continue;
        }
        match stage.connection(&settings) {
            Ok(connection) => variants.push(Variant { about, connection }),
            Err(problems) => missing = missing.or(Some(problems)),
        }
        known.push(settings);
    }
    match missing {
        Some(problems) if variants.is_empty() => Err(format!(
            "{}; expected a case with the setting, or its value with `--setting`",
            problems.join("; ")
        )),
        _ => Ok(variants),
    }
}

/// Returns `base` with each other option of a setting, one at a time.
fn options(manifest: &Manifest, base: &Settings) -> Vec<(String, Settings)> {
    let names_host = |spec: &SettingSpec| manifest.operations.iter().any(|o| o.host_setting == spec.name);
    let settings = manifest.settings.iter().filter(|spec| !spec.secret && !names_host(spec));
    let others = settings.flat_map(|spec| {
        let used = base.get(&spec.name).or(spec.default.as_ref());
        let options =
            spec.options.iter().filter(move |option| !option.contains('*') && Some(*option) != used);
        options.map(move |option| (spec.name.clone(), option.clone()))
    });
    let with = |(name, option): (String, String)| {
        let mut settings = base.clone();
        let about = format!("the setting {name} = {option}");
        settings.insert(name, option);
        (about, settings)
    };
    others.map(with).collect()
}
