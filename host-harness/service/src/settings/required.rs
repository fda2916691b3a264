//! Settings without a default.
//! Tested in `src/settings/tests.rs`.

use host_harness::config::{ConfigProblemKind, Entry, Problems, ReadContext, Section, secret};
use host_model::secret::Secret;

/// Reads the secret under `key`, which must be set.
pub(super) fn required(
    section: &mut Section<'_>,
    key: &'static str,
    around: &mut ReadContext<'_>,
    problems: &mut Problems<'_>,
) -> Option<Secret> {
    let at = section.at(key);
    let Some(entry): Option<Entry<'_>> = section.take(key) else {
        problems.add(at, &section.place, ConfigProblemKind::MissingKey(key));
        return None;
    };
    secret(entry, around, problems)
}
