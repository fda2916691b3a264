//! What the guests `refers_one`, `refers_two`, `refers_three` and `refers_flawed` share: versions of a connector, each of which confirms by a
//! reference that the others do not understand. Their requests show who sent them: `/act/one`, `/look/one/one-17`.
//!
//! The setting `foreign` says what `confirm` does with a reference of another version: `rejected` (the default),
//! `unauthorized`, `rate-limited`, `unavailable`, `traps`, or `understood`.

use crate::{
    base::{
        exports::privacy::saas_connector::connector::{Check, Manifest, Operation, Outcome},
        privacy::saas_connector::{
            http::{self, Request},
            types::{Error, ErrorKind, Settings},
        },
    },
    erasure::exports::privacy::saas_connector::erasure::{PendingErasure, Receipt, Status},
    parts,
};

/// The manifest of the version `version`.
pub fn manifest(version: &str) -> Manifest {
    let operation = |name, method, path| Operation {
        used_by: vec!["erasure".to_owned()],
        ..parts::operation(name, method, path)
    };
    Manifest {
        version: version.to_owned(),
        settings: vec![parts::setting("domain"), parts::setting("foreign")],
        operations: vec![
            operation("act", "POST", "/act/{by}"),
            operation("look", "GET", "/look/{by}/{reference}"),
        ],
        ..crate::manifest("refers")
    }
}

/// A check whose detail is the version.
pub fn checks(version: &str) -> Vec<Check> {
    vec![Check { name: "version".to_owned(), outcome: Outcome::Passed, detail: version.to_owned() }]
}

/// Sends `act`, and returns a receipt with the version's reference.
pub fn erase(version: &str) -> Result<Receipt, Error> {
    send("act", &[("by", version)])?;
    Ok(receipt(Status::Accepted, Some(format!("{version}-17"))))
}

/// Sends `look` for each erasure.
pub fn confirm(
    version: &str,
    settings: &Settings,
    erasures: &[PendingErasure],
) -> Result<Vec<Receipt>, Error> {
    let foreign = settings.iter().find(|(name, _)| name == "foreign").map_or("", |(_, value)| value);
    let look = |erasure: &PendingErasure| {
        let reference = erasure.reference.as_deref().unwrap_or("none");
        let is_own = reference == "none" || reference.starts_with(version);
        match foreign {
            _ if is_own => {}
            "understood" => {}
            "traps" => trap(),
            "unauthorized" => return Err(error(ErrorKind::Unauthorized)),
            "rate-limited" => return Err(error(ErrorKind::RateLimited)),
            "unavailable" => return Err(error(ErrorKind::Unavailable)),
            _ => return Err(error(ErrorKind::Rejected)),
        }
        let status = send("look", &[("by", version), ("reference", reference)])?;
        Ok(if status == 404 { receipt(Status::Accepted, None) } else { receipt(Status::Erased, None) })
    };
    erasures.iter().map(look).collect()
}

/// Ends the call by a trap.
#[cfg(target_family = "wasm")]
pub fn trap() -> ! {
    core::arch::wasm32::unreachable()
}

/// Ends the call by a trap.
#[cfg(not(target_family = "wasm"))]
pub fn trap() -> ! {
    std::process::abort()
}

/// Returns a receipt that asks for a confirmation if the erasure was only accepted.
pub fn receipt(status: Status, reference: Option<String>) -> Receipt {
    let confirm_after_ms = (status == Status::Accepted).then_some(1);
    Receipt { status, evidence: String::new(), reference, confirm_after_ms }
}

/// Returns the status of an answer that is no refusal.
fn send(operation: &str, values: &[(&str, &str)]) -> Result<u16, Error> {
    let values = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let request = Request { operation: operation.to_owned(), values, query: Vec::new(), body: None };
    let response = http::send(&request).map_err(|_| error(ErrorKind::Unavailable))?;
    match response.status {
        401 | 403 => Err(error(ErrorKind::Unauthorized)),
        429 => Err(error(ErrorKind::RateLimited)),
        500.. => Err(error(ErrorKind::Unavailable)),
        200..=299 | 404 => Ok(response.status),
        _ => Err(error(ErrorKind::Rejected)),
    }
}

fn error(kind: ErrorKind) -> Error {
    Error {
        kind,
        code: "refused".to_owned(),
        message: "the vendor did not carry it out".to_owned(),
        retry_after_ms: None,
        may_have_acted: false,
    }
}
