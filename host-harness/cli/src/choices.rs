//! `choices`: shows the choices that the vendor has stored for a person.

use clap::Args;
use serde_json::json;

use super::{
    client::{ApiCall, ApiResponse},
    exit::Exit,
    failure::Failure,
    on_version::OnVersionOption,
    output::CommandOutput,
    person::{Person, identity},
    session::Session,
};
use host_api::types::consent::{HeldChoices, Person as Asked};
use host_model::contract::consent::{Choice, VendorChoice};

#[derive(Debug, Args)]
pub(super) struct Choices {
    /// The connection's key in the configuration.
    connection: String,
    #[command(flatten)]
    person: Person,
    #[command(flatten)]
    on: OnVersionOption,
}

impl Choices {
    pub(super) async fn run(self, session: &Session) -> Result<CommandOutput, Failure> {
        let subject = self.person.subject(&session.console)?;
        if let Some(client) = session.remote()? {
            let asked = Asked { identity: identity(&subject)? };
            let call = ApiCall::post(&["connection", &self.connection, "choices"]).json(&asked);
            let call = self.on.add_to(call);
            let waiting = format!("waiting for the vendor of connection {}", self.connection);
            return Ok(output(session.awaited(&waiting, client.ask(call)).await?));
        }
        self.on.check_absent()?;
        let calls = session.calls(&self.connection).await?;
        let held = session.ask(&calls, calls.current(&subject)).await?;
        Ok(output(answer(self.connection, held)))
    }
}

/// The answer in the form that a service returns.
fn answer(connection: String, held: Option<Vec<VendorChoice>>) -> ApiResponse<HeldChoices> {
    let known = held.is_some();
    let choices = held.into_iter().flatten().map(Into::into).collect();
    let value = HeldChoices { connection, known, choices };
    ApiResponse { json: json!(value), value }
}

fn output(ApiResponse { value, json }: ApiResponse<HeldChoices>) -> CommandOutput {
    let answer = match (value.known, value.choices.is_empty()) {
        (false, _) => "the vendor does not know this person",
        (true, true) => "the vendor has no choices stored for this person",
        (true, false) => "the vendor has stored",
    };
    let mut lines = vec![format!("connection {}: {answer}", value.connection)];
    lines.extend(
        value
            .choices
            .iter()
            .map(|held| format!("  {:7}  {}", Choice::from(held.choice).to_string(), held.item)),
    );
    CommandOutput { people: lines.join("\n"), json, exit: Exit::Done }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_silent_and_known_are_three_answers() {
        let held = |item: &str, choice| VendorChoice { item: item.parse().unwrap(), choice };
        let told = |held| output(answer("newsletter".into(), held));
        let known = told(Some(vec![held("channel:1", Choice::OptIn), held("list:2", Choice::OptOut)]));
        assert_eq!(
            known.people,
            "connection newsletter: the vendor has stored\n  opt-in   channel:1\n  opt-out  list:2"
        );
        assert_eq!(
            known.json,
            json!({"connection": "newsletter", "known": true, "choices": [
                {"item": {"kind": "channel", "id": "1"}, "choice": "opt_in"},
                {"item": {"kind": "list", "id": "2"}, "choice": "opt_out"},
            ]})
        );
        let silent = told(Some(vec![]));
        assert_eq!(silent.people, "connection newsletter: the vendor has no choices stored for this person");
        let unknown = told(None);
        assert_eq!(unknown.people, "connection newsletter: the vendor does not know this person");
        assert_eq!(unknown.json, json!({"connection": "newsletter", "known": false, "choices": []}));
    }
}
