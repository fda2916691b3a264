//! `reconcile`: re-reads people at the vendor to pick up choices whose webhook was lost.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use serde_path_to_error::Track;

use super::{client::ApiCall, exit::Exit, failure::Failure, output::CommandOutput, session::Session};
use host_api::{
    identity::Identity,
    types::consent::{MAX_PEOPLE_TO_READ, PeopleToRead, Reading, Readings},
};
use host_model::unread::Unread;

#[derive(Debug, Args)]
pub(super) struct ReconcileCommand {
    /// The connection's key.
    connection: String,
    /// File with one line of JSON for each person, such as `{"email": "ada@example.com"}`; `-` reads standard input.
    /// Required, since the service knows most people only by hashes.
    #[arg(long, value_name = "FILE")]
    people: PathBuf,
}

impl ReconcileCommand {
    pub(super) async fn run(self, session: &Session) -> Result<CommandOutput, Failure> {
        let client = session.client()?;
        let people = people(&session.console.text(&self.people)?)?;
        let mut begun = Vec::new();
        for some in people.chunks(MAX_PEOPLE_TO_READ) {
            let call = ApiCall::post(&["connection", &self.connection, "reconcile"]);
            let asking = client.ask::<Readings>(call.json(&PeopleToRead { people: some.to_vec() }));
            let answer = session.awaited("waiting for the service to accept the people", asking).await;
            begun.extend(answer.map_err(|failure| after(begun.len(), failure))?.value.requests);
        }
        Ok(output(&self.connection, &begun))
    }
}

/// The people before a failure are accepted, and need not be sent again.
fn after(taken: usize, failure: Failure) -> Failure {
    match failure {
        Failure::Unanswered(cause) if taken > 0 => {
            Failure::Unanswered(format!("{cause}; the people of the first {taken} lines were accepted"))
        }
        other => other,
    }
}

/// The lines contain personal data, so an error shows only the number of a line that cannot be read.
fn people(lines: &str) -> Result<Vec<Identity>, Failure> {
    let written = (1..).zip(lines.lines()).filter(|(_, line)| !line.trim().is_empty());
    let people = written.map(|(number, line)| {
        let mut document = serde_json::Deserializer::from_str(line);
        let person = serde_path_to_error::deserialize(&mut document);
        let end = |error| serde_path_to_error::Error::new(Track::new().path(), error);
        person.and_then(|person| document.end().map(|()| person).map_err(end)).map_err(|error| {
            let why = Unread::json(&error);
            Failure::misused(format!(
                "--people: line {number}: {why}; expected kinds of identifier with their values, such as \
                 {{\"email\": \"ada@example.com\"}}; nothing was sent"
            ))
        })
    });
    let people = people.collect::<Result<Vec<_>, _>>()?;
    if people.is_empty() {
        return Err(Failure::misused(
            "--people: the file names no person: a line of JSON is required for each",
        ));
    }
    Ok(people)
}

fn output(connection: &str, begun: &[Reading]) -> CommandOutput {
    let refused: Vec<(usize, &String)> =
        (1..).zip(begun).filter_map(|(number, one)| Some((number, one.refused.as_ref()?))).collect();
    let taken = begun.len() - refused.len();
    let requests = if taken == 1 { "request" } else { "requests" };
    let mut people =
        vec![format!("connection {connection}: {taken} {requests} queued, one for each person to re-read")];
    people.extend(refused.iter().map(|(number, why)| format!("  person {number}: {why}")));
    if taken > 0 {
        people.push(format!(
            "next: `connector-host request list --connection {connection}` shows their progress, `connector-host \
             consent-events` what they found"
        ));
    }
    let exit = if refused.is_empty() { Exit::Done } else { Exit::Refused };
    CommandOutput {
        people: people.join("\n"),
        json: json!({"connection": connection, "requests": begun}),
        exit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_person_and_no_refusal_shows_one() {
        let named = people(
            "{\"email\": \"ada@example.com\"}\n\n{\"email\": null, \"user-id\": 17, \"shop\": {\"label\": \"Shop\", \"value\": \"s-2\"}}\n",
        );
        assert_eq!(
            json!(named.unwrap()),
            json!([{"email": "ada@example.com"}, {"user-id": "17", "shop": "s-2"}])
        );
        for (wrong, why) in [
            ("ada@example.com", "expected value"),
            ("{\"email\": \"a\"} {}", "trailing characters"),
            ("{}", "at least one identifier with a value is required"),
            ("[]", "invalid type: sequence, expected an object of kinds of identifier with their values"),
            ("\"ada@example.com\"", "invalid type: string, expected an object"),
            (
                "{\"email\": true}",
                "email: expected a string, a number, null, or an object of `label` and `value`",
            ),
            ("{\"email\": \"ada@example.com\"", "EOF while parsing an object"),
            (
                "{\"email\": \"ada@example.com\", \"email\": \"c@example.com\"}",
                "the key `email` occurs twice",
            ),
        ] {
            let told = people(&format!("{{\"email\": \"b@example.com\"}}\n{wrong}")).unwrap_err().people();
            assert!(told.starts_with(&format!("error: --people: line 2: {why}")), "{told}");
            assert!(!told.contains("b@") && told.matches("ada@").count() == 1, "{told}");
        }
        assert!(people(" \n").unwrap_err().people().contains("names no person"));
    }

    #[test]
    fn a_refused_person_is_shown_by_place_in_the_list() {
        let accepted = Reading { id: Some("r-1".into()), refused: None };
        let refused = Reading { id: None, refused: Some("no".into()) };
        let shown = output("n", &[accepted, refused]);
        assert!(shown.people.starts_with("connection n: 1 request queued, "), "{}", shown.people);
        assert!(shown.people.contains("\n  person 2: no\n"), "{}", shown.people);
        assert_eq!(shown.exit, Exit::Refused);
    }
}
