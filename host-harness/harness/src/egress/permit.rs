//! Checks whether a call may send a request: both the manifest and the operator must permit it.
//! Tested in `src/egress/tests`.

use super::{caller::Sender, declaration::DeclaredOperation, refused::denied, template::Blank};
use host_model::contract::http::{HttpError, Request};

/// Returns the declared operation of `request` if this call may send it as it is.
pub(crate) fn permitted<'a>(
    caller: &Sender<'a>,
    request: &Request,
) -> Result<&'a DeclaredOperation, HttpError> {
    let Some(declared) = caller.declaration.operation(&request.operation) else {
        return Err(denied(format!(
            "operation {:?} is not declared: the manifest of {} does not have it",
            quoted(&request.operation),
            caller.declaration.manifest().name
        )));
    };
    used_by(caller, declared)?;
    allowed_by_operator(caller, declared)?;
    parameters(declared, request)?;
    values(declared, request)?;
    Ok(declared)
}

fn used_by(caller: &Sender<'_>, declared: &DeclaredOperation) -> Result<(), HttpError> {
    if declared.used_by.contains(&caller.interface) {
        return Ok(());
    }
    Err(denied(format!(
        "operation {} is not for calls of {}: its used-by does not name that interface",
        declared.name, caller.interface
    )))
}

/// Checks that the operator allows this connection to send the operation, which may be an exchange.
pub(super) fn allowed_by_operator(
    caller: &Sender<'_>,
    declared: &DeclaredOperation,
) -> Result<(), HttpError> {
    let connection = caller.connection;
    if !connection.policy.denied_operations.contains(&declared.name) {
        return Ok(());
    }
    Err(denied(format!(
        "operation {name} is denied for connection {key}; to allow it, remove it from this line of the configuration:\n\
         [connections.{key}.egress]\n\
         denied-operations = [{name:?}]",
        name = declared.name,
        key = connection.key
    )))
}

fn parameters(declared: &DeclaredOperation, request: &Request) -> Result<(), HttpError> {
    match request.query.iter().find(|(name, _)| !declared.query.contains(name)) {
        None => Ok(()),
        Some((name, _)) => Err(denied(format!(
            "operation {}: the query parameter {:?} is not one that its declaration allows",
            declared.name,
            quoted(name)
        ))),
    }
}

fn values(declared: &DeclaredOperation, request: &Request) -> Result<(), HttpError> {
    for (index, (name, _)) in request.values.iter().enumerate() {
        let is_blank = declared.blanks().any(|blank| matches!(blank, Blank::Value(known) if known == name));
        let again = request.values.iter().take(index).any(|(before, _)| before == name);
        if !is_blank || again {
            let fault = if again { "is filled twice" } else { "is not a blank that a value fills" };
            return Err(denied(format!("operation {}: {{{}}} {fault}", declared.name, quoted(name))));
        }
    }
    Ok(())
}

/// Truncates a guest's word for display.
fn quoted(word: &str) -> String {
    word.chars().take(64).collect()
}
