//! `request reveal`: the person that a request is about.
//! Tested in `src/tests/server/people.rs`.

use host_api::types::people::RevealedPerson;

use super::{
    client::{ApiCall, ApiResponse, Client},
    exit::Exit,
    failure::Failure,
    output::{CommandOutput, fact_lines},
};

/// Returns the person of the request with this id.
pub(super) async fn revealed(client: &Client, id: &str) -> Result<CommandOutput, Failure> {
    let call = ApiCall::post(&["requests", id, "reveal"]);
    let ApiResponse { value, json } = client.ask::<RevealedPerson>(call).await?;
    let lines: Vec<(&str, String)> = value
        .identifiers
        .iter()
        .map(|identifier| (identifier.kind.as_str(), identifier.value.clone()))
        .collect();
    Ok(CommandOutput { people: fact_lines(&lines), json, exit: Exit::Done })
}
