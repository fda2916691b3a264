//! A connector that erases with one request, for guests that misbehave in one respect.

use crate::{
    base::{
        exports::privacy::saas_connector::connector::{Manifest, Operation},
        privacy::saas_connector::{
            http::{self, Request, Response},
            types::{Error, ErrorKind, Subject},
        },
    },
    erasure::exports::privacy::saas_connector::erasure::{PendingErasure, Receipt, Status},
    parts,
};

/// A manifest with the operations `forget` and `look`.
pub fn manifest(name: &str) -> Manifest {
    let operation = |name, method, path| Operation {
        used_by: vec!["erasure".to_owned()],
        ..parts::operation(name, method, path)
    };
    Manifest {
        settings: vec![parts::setting("domain"), parts::secret("api-key")],
        operations: vec![
            operation("forget", "POST", "/people/{email}/forget"),
            operation("look", "GET", "/people/{email}"),
        ],
        ..crate::manifest(name)
    }
}

/// Sends `forget`.
pub fn forget(person: &Subject) -> Result<Response, Error> {
    send("forget", person)
}

/// Sends `look`.
pub fn look(person: &Subject) -> Result<Response, Error> {
    send("look", person)
}

/// Sends `forget`, and returns the receipt for its answer.
pub fn erase(person: &Subject) -> Result<Receipt, Error> {
    receipt(&forget(person)?)
}

/// Sends `look` for each person, and returns the receipts.
pub fn confirm(erasures: &[PendingErasure]) -> Result<Vec<Receipt>, Error> {
    erasures.iter().map(|erasure| receipt(&look(&erasure.subject)?)).collect()
}

/// The receipt for an answer: the person is erased if the vendor answered with success or does not know them.
pub fn receipt(response: &Response) -> Result<Receipt, Error> {
    match response.status {
        200..=299 | 404 | 410 => Ok(Receipt {
            status: Status::Erased,
            evidence: format!("the vendor answered with {}", response.status),
            reference: None,
            confirm_after_ms: None,
        }),
        401 | 403 => Err(error(ErrorKind::Unauthorized)),
        429 => Err(error(ErrorKind::RateLimited)),
        500.. => Err(error(ErrorKind::Unavailable)),
        _ => Err(error(ErrorKind::Rejected)),
    }
}

fn send(operation: &str, person: &Subject) -> Result<Response, Error> {
    let email = person.iter().find(|known| known.kind == "email");
    let email = email.ok_or_else(|| error(ErrorKind::MissingIdentity))?;
    let request = Request {
        operation: operation.to_owned(),
        values: vec![("email".to_owned(), email.value.clone())],
        query: Vec::new(),
        body: None,
    };
    http::send(&request).map_err(|_| error(ErrorKind::Unavailable))
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
