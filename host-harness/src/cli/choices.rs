//! `choices`: what the vendor holds for a person.

use clap::Args;
use serde_json::json;

use super::{Exit, Failure, Shown, person::Person, session::Session};
use crate::contract::consent::{Choice, Held};

#[derive(Debug, Args)]
pub(super) struct Choices {
    /// The connection's key in the configuration.
    connection: String,
    #[command(flatten)]
    person: Person,
}

impl Choices {
    pub(super) async fn run(self, session: &Session) -> Result<Shown, Failure> {
        session.only_alone(
            "choices",
            "`connector-host consent` sets them through a service, and GET /api/v1/consent-events lists what changed",
        )?;
        let subject = self.person.subject(&session.console)?;
        let calls = session.calls(&self.connection).await?;
        let held = session.ask(&calls, calls.current(&subject)).await?;
        Ok(shown(&self.connection, held.as_deref()))
    }
}

/// The person is not named again.
fn shown(connection: &str, held: Option<&[Held]>) -> Shown {
    let answer = match held {
        None => "the vendor does not know this person",
        Some([]) => "the vendor holds no choice of this person",
        Some(_) => "the vendor holds",
    };
    let mut lines = vec![format!("connection {connection}: {answer}")];
    for held in held.unwrap_or_default() {
        let choice = match held.choice {
            Choice::OptIn => "opt-in ",
            Choice::OptOut => "opt-out",
        };
        lines.push(format!("  {choice}  {}", held.item));
    }
    let json =
        json!({"connection": connection, "known": held.is_some(), "choices": held.unwrap_or_default()});
    Shown { people: lines.join("\n"), json, exit: Exit::Done }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_silent_and_known_are_three_answers() {
        let held = |item: &str, choice| Held { item: item.parse().unwrap(), choice };
        let known =
            shown("newsletter", Some(&[held("channel:1", Choice::OptIn), held("list:2", Choice::OptOut)]));
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
        let silent = shown("newsletter", Some(&[]));
        assert_eq!(silent.people, "connection newsletter: the vendor holds no choice of this person");
        let unknown = shown("newsletter", None);
        assert_eq!(unknown.people, "connection newsletter: the vendor does not know this person");
        assert_eq!(unknown.json, json!({"connection": "newsletter", "known": false, "choices": []}));
    }
}
