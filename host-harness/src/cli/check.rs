//! `check`: tries everything that a connection needs.

use clap::Args;
use serde_json::json;

use super::{
    Exit, Failure, Shown,
    session::Session,
    shown::{detail, toned},
};
use crate::contract::{Check as Tried, CheckOutcome};

#[derive(Debug, Args)]
pub(super) struct Check {
    /// The connection's key in the configuration.
    connection: String,
}

impl Check {
    pub(super) async fn run(self, session: &Session) -> Result<Shown, Failure> {
        let calls = session.calls(&self.connection).await?;
        let checks = session.ask(&calls, calls.test_connection()).await?;
        Ok(shown(&self.connection, &checks))
    }
}

fn shown(connection: &str, checks: &[Tried]) -> Shown {
    let exit = Exit::from(checks);
    let verdict = if exit == Exit::Done { "works" } else { "does not work" };
    let mut lines = vec![format!("connection {connection}: {}", toned(verdict, exit))];
    for check in checks {
        let (word, tone) = match check.outcome {
            CheckOutcome::Passed => ("passed ", Exit::Done),
            CheckOutcome::Failed => ("failed ", Exit::Refused),
            CheckOutcome::Untried => ("untried", Exit::Unproven),
        };
        lines.push(format!("  {}  {}{}", toned(word, tone), check.name, detail(&check.detail)));
    }
    let json = json!({"connection": connection, "checks": checks});
    Shown { people: lines.join("\n"), json, exit }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::tests::plain;

    #[test]
    fn each_check_is_a_line_with_its_reason() {
        let check =
            |name: &str, outcome, detail: &str| Tried { name: name.into(), outcome, detail: detail.into() };
        let shown = shown(
            "newsletter",
            &[
                check("key", CheckOutcome::Passed, ""),
                check("webhook", CheckOutcome::Failed, "webhook 7 is off"),
                check("token", CheckOutcome::Untried, "webhook-id is not set"),
            ],
        );
        assert_eq!(
            plain(&shown.people),
            "connection newsletter: does not work\n  passed   key\n  failed   webhook: webhook 7 is off\n  \
             untried  token: webhook-id is not set"
        );
        assert_eq!(
            shown.json,
            json!({"connection": "newsletter", "checks": [
                {"name": "key", "outcome": "passed", "detail": ""},
                {"name": "webhook", "outcome": "failed", "detail": "webhook 7 is off"},
                {"name": "token", "outcome": "untried", "detail": "webhook-id is not set"},
            ]})
        );
        assert_eq!(shown.exit, Exit::Refused);
        assert_eq!(plain(&super::shown("n", &[]).people), "connection n: works");
    }
}
