//! `choices`: what the vendor holds for a person.

use clap::Args;
use serde_json::{Value, json};

use super::{
    client::Call,
    document::{is, list, text},
    exit::Exit,
    failure::Failure,
    person::{Person, identity},
    session::Session,
    shown::Shown,
};
use host_model::contract::consent::Held;

#[derive(Debug, Args)]
pub(super) struct Choices {
    /// The connection's key in the configuration.
    connection: String,
    #[command(flatten)]
    person: Person,
}

impl Choices {
    pub(super) async fn run(self, session: &Session) -> Result<Shown, Failure> {
        let subject = self.person.subject(&session.console)?;
        if let Some(client) = session.remote()? {
            let asked = json!({"identity": identity(&subject)?});
            let call = Call::post(&["connection", &self.connection, "choices"]).json(&asked);
            let waiting = format!("waiting for the vendor of connection {}", self.connection);
            let json = session.awaited(&waiting, client.ask(call)).await?;
            return Ok(shown(json));
        }
        let calls = session.calls(&self.connection).await?;
        let held = session.ask(&calls, calls.current(&subject)).await?;
        Ok(shown(document(&self.connection, held.as_deref())))
    }
}

/// The person is not named again.
fn document(connection: &str, held: Option<&[Held]>) -> Value {
    json!({"connection": connection, "known": held.is_some(), "choices": held.unwrap_or_default()})
}

fn shown(json: Value) -> Shown {
    let choices = list(&json, "choices");
    let answer = match (is(&json, "known"), choices.is_empty()) {
        (false, _) => "the vendor does not know this person",
        (true, true) => "the vendor holds no choice of this person",
        (true, false) => "the vendor holds",
    };
    let mut lines = vec![format!("connection {}: {answer}", text(&json, "connection"))];
    lines.extend(choices.iter().map(|held| {
        let item = held.get("item").unwrap_or(&Value::Null);
        format!("  {:7}  {}:{}", text(held, "choice"), text(item, "kind"), text(item, "id"))
    }));
    Shown { people: lines.join("\n"), json, exit: Exit::Done }
}

#[cfg(test)]
mod tests {
    use super::*;
    use host_model::contract::consent::Choice;

    #[test]
    fn unknown_silent_and_known_are_three_answers() {
        let held = |item: &str, choice| Held { item: item.parse().unwrap(), choice };
        let told = |held: Option<&[Held]>| shown(document("newsletter", held));
        let known = told(Some(&[held("channel:1", Choice::OptIn), held("list:2", Choice::OptOut)]));
        assert_eq!(
            known.people,
            "connection newsletter: the vendor holds\n  opt-in   channel:1\n  opt-out  list:2"
        );
        assert_eq!(
            known.json,
            json!({"connection": "newsletter", "known": true, "choices": [
                {"item": {"kind": "channel", "id": "1"}, "choice": "opt-in"},
                {"item": {"kind": "list", "id": "2"}, "choice": "opt-out"},
            ]})
        );
        let silent = told(Some(&[]));
        assert_eq!(silent.people, "connection newsletter: the vendor holds no choice of this person");
        let unknown = told(None);
        assert_eq!(unknown.people, "connection newsletter: the vendor does not know this person");
        assert_eq!(unknown.json, json!({"connection": "newsletter", "known": false, "choices": []}));
    }
}
