//! Builds of one connector, for tests that swap them. After a request to the vendor, each build answers with its own
//! name and with the build for which its connection was resolved.

use crate::{
    base::{
        exports::privacy::saas_connector::connector::{
            Check, Error, Manifest, Outcome, SettingSpec, Settings,
        },
        privacy::saas_connector::http,
    },
    parts,
};

/// The manifest that the builds share. Only the version and the default of the setting `build` differ: both are
/// `build`.
pub fn manifest(build: &str) -> Manifest {
    Manifest {
        version: build.to_owned(),
        settings: vec![
            parts::setting("domain"),
            SettingSpec { default: Some(build.to_owned()), ..parts::setting("build") },
            parts::setting("region"),
        ],
        operations: vec![parts::operation("look", "GET", "/look")],
        ..crate::manifest("swapped")
    }
}

/// Sends a request to the vendor, then answers with the build's own name and with the setting `build`.
pub fn answer(build: &str, settings: &Settings) -> Result<Vec<Check>, Error> {
    let request =
        http::Request { operation: "look".to_owned(), values: Vec::new(), query: Vec::new(), body: None };
    let looked = http::send(&request);
    let resolved_for = settings.iter().find(|(name, _)| name == "build").map(|(_, value)| value.clone());
    let outcome = if looked.is_ok() { Outcome::Passed } else { Outcome::Failed };
    Ok(vec![Check { name: build.to_owned(), outcome, detail: resolved_for.unwrap_or_default() }])
}
