//! What several tables of a case have in common.

use host_model::contract::Settings;

use crate::config::{ConfigProblemKind, Entry, Problems, Section};

/// Removes and returns the value of `key`, or reports that it is missing.
pub(super) fn required<'a>(
    section: &mut Section<'a>,
    key: &'static str,
    problems: &mut Problems<'_>,
) -> Option<Entry<'a>> {
    let at = section.at(key);
    let entry = section.take(key);
    if entry.is_none() {
        problems.add(at, &section.place, ConfigProblemKind::MissingKey(key));
    }
    entry
}

/// Reads every entry as a text.
pub(super) fn texts(entries: Vec<Entry<'_>>, problems: &mut Problems<'_>) -> Settings {
    entries.into_iter().filter_map(|entry| Some((entry.key.clone(), entry.text(problems)?))).collect()
}
