//! Blanks whose name is a misspelled one: sent as they stand, or filled with a value of the request, they would leave a
//! credential out without a word.
//! Tested in `src/egress/declaration/check/tests/blanks.rs`.

use std::collections::BTreeSet;

use crate::{
    connection::{WEBHOOK_TOKEN, WEBHOOK_URL},
    egress::{declaration::error::ManifestError, template::is_name},
};
use host_model::{
    contract::manifest::{Manifest, Operation},
    nearest::misspelled,
};

/// Maximum number of names that a blank is compared with. No manifest has as many, and each comparison takes time.
const MAX_COMPARED: usize = 100;

/// The names that the host fills in itself.
pub(super) struct KnownBlanks<'a> {
    names: BTreeSet<&'a str>,
    /// Blanks of paths that are values of a request.
    values: BTreeSet<&'a str>,
}

impl<'a> KnownBlanks<'a> {
    /// Collects the names of `manifest`.
    pub(super) fn of(manifest: &'a Manifest) -> Self {
        let settings = manifest.settings.iter().map(|setting| setting.name.as_str());
        let fetched = manifest.operations.iter().flat_map(|operation| &operation.captures);
        let captured = fetched.map(|capture| capture.secret.as_str());
        let names: BTreeSet<_> =
            [WEBHOOK_URL, WEBHOOK_TOKEN].into_iter().chain(settings).chain(captured).collect();
        let paths = manifest.operations.iter().flat_map(|operation| words(&operation.path));
        let values = paths.filter(|word| is_name(word) && !names.contains(word)).collect();
        Self { names, values }
    }

    /// Checks the texts of `operation` for misspelled names.
    pub(super) fn check(&self, operation: &Operation, errors: &mut Vec<ManifestError>) {
        let mut report = |place: String, blank: &str, meant: &str| {
            errors.push(ManifestError::MisspelledBlank {
                operation: operation.name.clone(),
                place,
                blank: blank.to_owned(),
                meant: meant.to_owned(),
            });
        };
        // A lower-case word in a path is a value of the request, of which any name may be chosen.
        for word in words(&operation.path).filter(|word| !is_name(word)) {
            if let Some(meant) = self.meant(word) {
                report("path".to_owned(), word, meant);
            }
        }
        for field in &operation.fields {
            for word in words(&field.value).filter(|word| !self.values.contains(word)) {
                if let Some(meant) = self.meant(word) {
                    report(format!("field {}", field.name), word, meant);
                }
            }
        }
    }

    fn meant(&self, word: &str) -> Option<&'a str> {
        let is_known = self.names.contains(word);
        if is_known { None } else { misspelled(word, self.names.iter().copied().take(MAX_COMPARED)) }
    }
}

/// Returns the words in braces in `text`. Braces around anything else are those of a query language.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let in_braces = text.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0));
    in_braces.filter(|word| {
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    })
}
