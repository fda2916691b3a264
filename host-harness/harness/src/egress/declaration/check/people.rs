//! The rules for a connector's statements about people: which identifier kinds identify a person, and which outcomes it
//! reports without a request that supports them.
//! Tested in `src/egress/declaration/check/tests/people.rs`.

use std::collections::BTreeSet;

use super::bounds::{MAX_ENTRIES, MAX_VALUE, MAX_WORD, bounded, prose};
use crate::{connection::allows, egress::declaration::error::ManifestError};
use host_model::contract::{
    Interface,
    manifest::{Identifies, Manifest},
};

pub(super) fn check_kinds(manifest: &Manifest, errors: &mut Vec<ManifestError>) {
    let kinds = &manifest.identifier_kinds;
    if !kinds.is_empty() && kinds.iter().all(|kind| kind.identifies == Identifies::Never) {
        errors.push(ManifestError::NothingIdentifies);
    }
    for kind in kinds {
        if let Identifies::When { setting, values } = &kind.identifies {
            check_condition(manifest, &kind.name, setting, values, errors);
        }
    }
}

fn check_condition(
    manifest: &Manifest,
    kind: &str,
    setting: &str,
    values: &[String],
    errors: &mut Vec<ManifestError>,
) {
    let kind: String = kind.chars().take(MAX_WORD).collect();
    let Some(spec) = manifest.setting(setting).filter(|spec| !spec.secret) else {
        let setting = setting.chars().take(MAX_VALUE).collect();
        errors.push(ManifestError::UnknownCondition { kind, setting });
        return;
    };
    if values.is_empty() || values.len() > MAX_ENTRIES || values.iter().any(String::is_empty) {
        errors.push(ManifestError::EmptyCondition { kind: kind.clone(), setting: setting.to_owned() });
    }
    for value in values.iter().take(MAX_ENTRIES).filter(|value| !value.is_empty()) {
        let before = errors.len();
        bounded(&format!("identifier kind {kind}: one of the values of {setting}"), value, MAX_VALUE, errors);
        if errors.len() == before && !allows(spec, value) {
            let (kind, setting, value) = (kind.clone(), setting.to_owned(), value.clone());
            errors.push(ManifestError::ImpossibleCondition { kind, setting, value });
        }
    }
}

pub(super) fn check_exemptions(manifest: &Manifest, errors: &mut Vec<ManifestError>) {
    let mut seen = BTreeSet::new();
    for exemption in &manifest.proves_without {
        let claim = exemption.claim;
        if !seen.insert(claim) {
            errors.push(ManifestError::ExemptTwice(claim));
        }
        if exemption.reason.trim().is_empty() {
            errors.push(ManifestError::NoReason(claim));
        }
        prose(&format!("proves-without {claim}: its reason"), &exemption.reason, errors);
    }
}

/// Returns an error for each exempted outcome that no interface in `offered` reports.
pub(in crate::egress::declaration) fn unreported(
    manifest: &Manifest,
    offered: &[Interface],
) -> Vec<ManifestError> {
    let claims = manifest.proves_without.iter().map(|exemption| exemption.claim);
    claims
        .filter(|claim| !offered.contains(&claim.interface()))
        .map(ManifestError::ExemptNotOffered)
        .collect()
}
