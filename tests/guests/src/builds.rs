//! Two builds of one connector, for swaps: each answers with its own name, after a look at the vendor.

use crate::{
    base::{
        exports::privacy::saas_connector::connector::{Check, Error, Manifest, Outcome},
        privacy::saas_connector::http,
    },
    parts,
};

/// The manifest that both builds share, but for the version.
pub fn manifest(build: &str) -> Manifest {
    Manifest {
        version: build.to_owned(),
        settings: vec![parts::setting("domain")],
        operations: vec![parts::operation("look", "GET", "/look")],
        ..crate::manifest("swapped")
    }
}

/// Asks the vendor, and answers with the build's name before and after.
pub fn answer(build: &str) -> Result<Vec<Check>, Error> {
    let request =
        http::Request { operation: "look".to_owned(), values: Vec::new(), query: Vec::new(), body: None };
    let status = http::send(&request).map(|response| response.status);
    let detail = format!("{status:?}");
    Ok(vec![Check { name: build.to_owned(), outcome: Outcome::Passed, detail }])
}
