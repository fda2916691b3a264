//! The rules of what a connector says about people: which identifier kinds identify, and which outcomes it reports without
//! a request that supports them.

use std::collections::BTreeSet;

use super::bounds::{ENTRIES, VALUE, WORD, is_plain, prose};
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
    let kind: String = kind.chars().take(WORD).collect();
    let Some(spec) = manifest.setting(setting).filter(|spec| !spec.secret) else {
        let setting = setting.chars().take(VALUE).collect();
        errors.push(ManifestError::UnknownCondition { kind, setting });
        return;
    };
    if values.is_empty() || values.len() > ENTRIES || values.iter().any(String::is_empty) {
        errors.push(ManifestError::EmptyCondition { kind: kind.clone(), setting: setting.to_owned() });
    }
    for value in values.iter().take(ENTRIES).filter(|value| !value.is_empty()) {
        if !is_plain(value, VALUE) {
            errors.push(ManifestError::NotPlain { what: format!("identifier kind {kind}") });
        } else if !allows(spec, value) {
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
        prose(&format!("proves-without {claim}"), &exemption.reason, errors);
    }
}

/// The exemptions of outcomes that no interface in `offered` reports.
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
