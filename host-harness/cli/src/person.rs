//! How a person is named: on the command line or, hidden from other users of the machine, on standard input.

use clap::Args;

use super::{console::Console, failure::Failure};
use host_api::identity::{Identity, RepeatedKind};
use host_model::contract::{Identifier, Subject};

/// The person: every known identifier, emails before user ids before others.
#[derive(Args)]
#[group(required = true, multiple = true)]
pub(super) struct Person {
    /// An email address; `-` reads it from a line of standard input, which keeps it out of the process list.
    #[arg(long, value_name = "ADDRESS")]
    email: Vec<String>,
    /// The customer's own user id; `-` reads it from a line of standard input.
    #[arg(long, value_name = "ID")]
    user_id: Vec<String>,
    /// Another kind of identifier, such as `phone-number=-`; `-` reads the value from a line of standard input.
    #[arg(long, value_name = "KIND=VALUE")]
    identifier: Vec<String>,
}

/// Prints no personal data.
impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Person")
    }
}

impl Person {
    /// The person; an identifier of `-` is read from standard input.
    pub(super) fn subject(&self, console: &Console) -> Result<Subject, Failure> {
        let emails = self.email.iter().map(|value| Ok(("email", value.as_str())));
        let user_ids = self.user_id.iter().map(|value| Ok(("user-id", value.as_str())));
        let others = self.identifier.iter().map(|pair| kind_and_value(pair));
        let identifiers: Result<Vec<_>, _> = emails
            .chain(user_ids)
            .chain(others)
            .map(|named| named.and_then(|(kind, value)| identifier(kind, value, console)))
            .collect();
        Subject::from(identifiers?)
            .within_bounds()
            .map_err(|oversized| Failure::misused(oversized.to_string()))
    }
}

/// The person in the API's form: one value of each kind.
pub(super) fn identity(subject: &Subject) -> Result<Identity, Failure> {
    subject.try_into().map_err(|repeated: RepeatedKind| Failure::misused(repeated))
}

/// The pair may be personal data typed in the wrong place, so no error shows it.
fn kind_and_value(pair: &str) -> Result<(&str, &str), Failure> {
    pair.split_once('=')
        .filter(|(kind, _)| !kind.is_empty())
        .ok_or_else(|| Failure::misused("--identifier: expected KIND=VALUE, such as phone-number=-"))
}

fn identifier(kind: &str, value: &str, console: &Console) -> Result<Identifier, Failure> {
    let value = match value {
        "-" => console
            .line()
            .map_err(|error| Failure::misused(format!("cannot read {kind} from standard input: {error}")))?,
        value => value.to_owned(),
    };
    if value.trim().is_empty() {
        return Err(Failure::misused(format!("{kind}: the identifier is empty")));
    }
    Ok(Identifier::new(kind, value))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        person: Person,
    }

    fn subject(arguments: &[&str], input: &'static str) -> Result<Subject, String> {
        let line =
            Line::try_parse_from([&["program"], arguments].concat()).map_err(|e| e.kind().to_string())?;
        let console = Console::of(input.as_bytes(), std::io::sink(), std::io::sink());
        line.person.subject(&console).map_err(|failure| failure.people())
    }

    #[test]
    fn every_identifier_is_taken_in_a_fixed_order() {
        let typed = ["--identifier", "phone-number=+1=2", "--user-id", "u-17", "--email", "a@example.com"];
        assert_eq!(
            subject(&typed, ""),
            Ok(Subject::email("a@example.com").and("user-id", "u-17").and("phone-number", "+1=2"))
        );
    }

    #[test]
    fn a_dash_reads_one_line_each() {
        assert_eq!(
            subject(&["--email", "-", "--identifier", "phone-number=-"], "ada@example.com\r\n+1 2\nrest"),
            Ok(Subject::email("ada@example.com").and("phone-number", "+1 2"))
        );
    }

    #[test]
    fn an_empty_identity_is_refused_and_no_refusal_shows_a_person() {
        assert!(subject(&[], "").unwrap_err().contains("required"), "{:?}", subject(&[], ""));
        for (typed, told) in [
            (["--email", "-"], "error: email: the identifier is empty"),
            (["--user-id", " "], "error: user-id: the identifier is empty"),
            (
                ["--identifier", "ada@example.com"],
                "error: --identifier: expected KIND=VALUE, such as phone-number=-",
            ),
            (["--identifier", "=ada"], "error: --identifier: expected KIND=VALUE, such as phone-number=-"),
        ] {
            assert_eq!(subject(&typed, ""), Err(told.to_owned()));
        }
    }

    #[test]
    fn an_identifier_longer_than_any_real_one_is_refused_by_its_kind() {
        assert_eq!(
            subject(&["--user-id", &"a".repeat(10_000)], ""),
            Err("error: user-id: the identifier has 10000 characters; at most 512 are accepted".to_owned())
        );
    }
}
