//! Whether a call may send what it asks for: the manifest's half and the operator's, neither widening the other.

use super::{caller::Caller, declaration::Declared, refused::denied, template::Blank};
use host_model::contract::http::{HttpError, Request};

/// The declared operation that `request` names, where this call may send it as it is.
pub(crate) fn permitted<'a>(caller: &Caller<'a>, request: &Request) -> Result<&'a Declared, HttpError> {
    let Some(declared) = caller.declaration.operation(&request.operation) else {
        return Err(denied(format!(
            "operation {:?} is not declared: the manifest of {} does not have it",
            shown(&request.operation),
            caller.declaration.manifest().name
        )));
    };
    used_by(caller, declared)?;
    allowed_by_operator(caller, declared)?;
    parameters(declared, request)?;
    values(declared, request)?;
    Ok(declared)
}

fn used_by(caller: &Caller<'_>, declared: &Declared) -> Result<(), HttpError> {
    if declared.used_by.contains(&caller.interface) {
        return Ok(());
    }
    Err(denied(format!(
        "operation {} is not for calls of {}: its used-by does not name that interface",
        declared.name, caller.interface
    )))
}

/// Whether the operator lets this connection send it, exchanges among them.
pub(super) fn allowed_by_operator(caller: &Caller<'_>, declared: &Declared) -> Result<(), HttpError> {
    let connection = caller.connection;
    if !connection.policy.denied_operations.contains(&declared.name) {
        return Ok(());
    }
    Err(denied(format!(
        "operation {name} is denied for connection {key}; to allow it, take it out of this line of the configuration:\n\
         [connections.{key}.egress]\n\
         denied-operations = [{name:?}]",
        name = declared.name,
        key = connection.key
    )))
}

fn parameters(declared: &Declared, request: &Request) -> Result<(), HttpError> {
    match request.query.iter().find(|(name, _)| !declared.query.contains(name)) {
        None => Ok(()),
        Some((name, _)) => Err(denied(format!(
            "operation {}: the query parameter {:?} is not one that its declaration lets vary",
            declared.name,
            shown(name)
        ))),
    }
}

fn values(declared: &Declared, request: &Request) -> Result<(), HttpError> {
    for (index, (name, _)) in request.values.iter().enumerate() {
        let is_blank = declared.blanks().any(|blank| matches!(blank, Blank::Value(known) if known == name));
        let again = request.values.iter().take(index).any(|(before, _)| before == name);
        if !is_blank || again {
            let fault = if again { "is filled twice" } else { "is none of its blanks that a value fills" };
            return Err(denied(format!("operation {}: {{{}}} {fault}", declared.name, shown(name))));
        }
    }
    Ok(())
}

/// A guest's word, short enough to be shown.
fn shown(word: &str) -> String {
    word.chars().take(64).collect()
}
