//! The rules for a manifest, checked once when the plugin is loaded.

mod blanks;
mod bounds;
mod operation;
mod people;

pub(super) use people::unreported;

use std::collections::{BTreeMap, BTreeSet};

use http::HeaderName;
use url::{Host, Url};

use super::{declared::DeclaredOperation, error::ManifestError};
use crate::{
    connection::{WEBHOOK_TOKEN, WEBHOOK_URL, allows},
    egress::template::is_name,
};
use blanks::KnownBlanks;
use bounds::{MAX_ENTRIES, MAX_VALUE, MAX_WORD, bounded, in_ascii, prose};
use host_model::{
    contract::manifest::{Manifest, RequestPart, SettingSpec},
    text,
};

/// Maximum number of requests that a limit may allow: each is recorded for the length of the period.
const MAX_REQUESTS_PER_LIMIT: u32 = 1_000_000;
/// Maximum length of a limit's window that a host can record.
const MAX_PERIOD_MS: u64 = 31 * 24 * 60 * 60 * 1_000;

/// Returns the checked operations of `manifest`, or everything that is wrong with it.
pub(super) fn operations(
    manifest: &Manifest,
) -> Result<BTreeMap<String, DeclaredOperation>, Vec<ManifestError>> {
    let mut errors = Vec::new();
    check_itself(manifest, &mut errors);
    if manifest.operations.len() > MAX_ENTRIES {
        // A manifest that is too long to be read is not checked any further.
        return Err(errors);
    }
    check_settings(&manifest.settings, &mut errors);
    check_hosts(manifest, &mut errors);
    check_limits(manifest, &mut errors);
    check_token_slot(manifest, &mut errors);
    people::check_kinds(manifest, &mut errors);
    people::check_exemptions(manifest, &mut errors);
    let mut operations = BTreeMap::new();
    let known = KnownBlanks::of(manifest);
    for operation in &manifest.operations {
        known.check(operation, &mut errors);
        if let Some(declared) = operation::checked(manifest, operation, &mut errors) {
            operations.insert(declared.name.clone(), declared);
        }
    }
    check_exchanges(&operations, &manifest.settings, &mut errors);
    if errors.is_empty() { Ok(operations) } else { Err(errors) }
}

fn check_itself(manifest: &Manifest, errors: &mut Vec<ManifestError>) {
    name("connector", &manifest.name, errors);
    for (what, text) in [
        ("version", &manifest.version),
        ("vendor", &manifest.vendor),
        ("documentation", &manifest.documentation),
    ] {
        prose(what, text, errors);
    }
    if let Ok(link) = Url::parse(&manifest.documentation) {
        in_ascii("documentation", &manifest.documentation, link, errors);
    }
    for (what, count) in [
        ("settings", manifest.settings.len()),
        ("operations", manifest.operations.len()),
        ("limits", manifest.limits.len()),
        ("identifier-kinds", manifest.identifier_kinds.len()),
        ("item-kinds", manifest.item_kinds.len()),
        ("proves-without", manifest.proves_without.len()),
    ] {
        if count > MAX_ENTRIES {
            errors.push(ManifestError::TooManyEntries { what: what.to_owned(), count, limit: MAX_ENTRIES });
        }
    }
    names("setting", manifest.settings.iter().map(|setting| &setting.name), errors);
    names("operation", manifest.operations.iter().map(|operation| &operation.name), errors);
    names("limit", manifest.limits.iter().map(|limit| &limit.name), errors);
    names("identifier kind", manifest.identifier_kinds.iter().map(|kind| &kind.name), errors);
    names("item kind", manifest.item_kinds.iter(), errors);
}

fn check_settings(settings: &[SettingSpec], errors: &mut Vec<ManifestError>) {
    for setting in settings {
        prose(&format!("setting {}: its label", setting.name), &setting.label, errors);
        prose(&format!("setting {}: its description", setting.name), &setting.description, errors);
        let before = errors.len();
        let what = format!("setting {}: one of its options", setting.name);
        if setting.options.len() > MAX_ENTRIES {
            let (what, count) =
                (format!("setting {}: its list of options", setting.name), setting.options.len());
            errors.push(ManifestError::TooManyEntries { what, count, limit: MAX_ENTRIES });
        } else {
            setting.options.iter().for_each(|option| bounded(&what, option, MAX_VALUE, errors));
        }
        let what = format!("setting {}: its default", setting.name);
        setting.default.iter().for_each(|default| bounded(&what, default, MAX_VALUE, errors));
        if errors.len() > before {
            continue;
        }
        if [WEBHOOK_URL, WEBHOOK_TOKEN].contains(&setting.name.as_str()) {
            errors.push(ManifestError::ReservedSetting(setting.name.clone()));
        }
        if setting.secret && (setting.default.is_some() || !setting.options.is_empty()) {
            errors.push(ManifestError::PublicSecret(setting.name.clone()));
            continue;
        }
        let default = setting.default.as_ref().filter(|default| !default.is_empty());
        if let Some(default) = default.filter(|default| !allows(setting, default)) {
            errors.push(ManifestError::DefaultNotAnOption {
                setting: setting.name.clone(),
                default: default.clone(),
            });
        }
    }
}

/// Checks that the options of host settings are in ASCII.
fn check_hosts(manifest: &Manifest, errors: &mut Vec<ManifestError>) {
    let is_host = |setting: &&SettingSpec| {
        manifest.operations.iter().any(|operation| operation.host_setting == setting.name)
    };
    for setting in manifest.settings.iter().filter(is_host) {
        for option in setting.options.iter().take(MAX_ENTRIES) {
            if let Ok(host) = Host::parse(option) {
                in_ascii(&format!("setting {}: its option", setting.name), option, host, errors);
            }
        }
    }
}

fn check_limits(manifest: &Manifest, errors: &mut Vec<ManifestError>) {
    for limit in &manifest.limits {
        let possible = limit.period_ms.is_none_or(|period| (1..=MAX_PERIOD_MS).contains(&period));
        if !(1..=MAX_REQUESTS_PER_LIMIT).contains(&limit.requests) || !possible {
            errors.push(ManifestError::ImpossibleLimit(limit.name.clone()));
        }
    }
}

fn check_token_slot(manifest: &Manifest, errors: &mut Vec<ManifestError>) {
    let Some(slot) = &manifest.webhook_token_slot else { return };
    let fits = match slot.place {
        RequestPart::Header => HeaderName::from_bytes(slot.name.as_bytes()).is_ok(),
        RequestPart::Query => text::check_name(&slot.name, MAX_WORD).is_ok(),
        RequestPart::Body => false,
    };
    if !fits {
        errors.push(ManifestError::BadTokenSlot { place: slot.place, name: slot.name.clone() });
    }
}

/// Checks that no secret depends on itself, directly or indirectly, to be fetched.
fn check_exchanges(
    operations: &BTreeMap<String, DeclaredOperation>,
    settings: &[SettingSpec],
    errors: &mut Vec<ManifestError>,
) {
    let exchanges: Vec<_> = operations.values().filter(|operation| operation.used_by.is_empty()).collect();
    let brings: Vec<_> = exchanges.iter().map(|exchange| exchange.captured()).collect();
    // For each exchange, the other exchanges that fetch what it needs. Each pair is compared once.
    let fetchers: Vec<Vec<usize>> = (0..)
        .zip(&exchanges)
        .map(|(at, exchange)| {
            let needed = |(other, brings): &(usize, &BTreeSet<String>)| {
                *other != at && !brings.is_disjoint(&exchange.secrets)
            };
            let brings = (0..).zip(&brings).filter(needed);
            brings.map(|(other, _)| other).collect()
        })
        .collect();
    for (start, exchange) in (0..).zip(&exchanges) {
        let mut reached = BTreeSet::new();
        let mut open = vec![start];
        while let Some(fetchers) = open.pop().and_then(|at: usize| fetchers.get(at)) {
            open.extend(fetchers.iter().filter(|fetcher| reached.insert(**fetcher)));
        }
        if reached.contains(&start) || needs_what_only_it_fetches(exchange, settings) {
            errors.push(ManifestError::CircularExchange(exchange.name.clone()));
        }
    }
}

/// Returns whether the exchange needs a secret that only it fetches. A refresh token that is exchanged for its
/// successor does not count: the operator provides the first one.
fn needs_what_only_it_fetches(exchange: &DeclaredOperation, settings: &[SettingSpec]) -> bool {
    let is_given = |secret: &str| settings.iter().any(|setting| setting.secret && setting.name == secret);
    exchange.secrets.iter().any(|secret| exchange.fetches(secret) && !is_given(secret))
}

fn name(what: &'static str, found: &str, errors: &mut Vec<ManifestError>) {
    if !is_name(found) || found.len() > MAX_WORD {
        errors.push(ManifestError::NotAName { what, found: found.chars().take(MAX_WORD).collect() });
    }
}

fn names<'a>(what: &'static str, all: impl Iterator<Item = &'a String>, errors: &mut Vec<ManifestError>) {
    let mut seen = BTreeSet::new();
    for found in all {
        name(what, found, errors);
        if !seen.insert(found) {
            errors.push(ManifestError::Twice { what, name: found.clone() });
        }
    }
}

#[cfg(test)]
mod tests;
