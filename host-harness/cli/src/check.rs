//! `check`: tries everything that a connection needs.

use clap::Args;
use serde_json::json;

use super::{
    client::{Answer, Call, Client},
    exit::Exit,
    failure::Failure,
    session::Session,
    shown::{Shown, detail, toned},
};
use host_api::types::connections::{Check as Tried, CheckOutcome, ConnectionTest, TestStatus};

#[derive(Debug, Args)]
pub(super) struct Check {
    /// The connection's key in the configuration.
    connection: String,
}

impl Check {
    pub(super) async fn run(self, session: &Session) -> Result<Shown, Failure> {
        if let Some(client) = session.remote()? {
            return remotely(session, &client, &self.connection).await;
        }
        let calls = session.calls(&self.connection).await?;
        let checks = session.ask(&calls, calls.test_connection()).await?;
        let checks: Vec<Tried> = checks.into_iter().map(Into::into).collect();
        Ok(shown(&self.connection, &checks))
    }
}

/// The same, tried by a service.
pub(super) async fn remotely(session: &Session, client: &Client, connection: &str) -> Result<Shown, Failure> {
    let Answer { value, json } = tested(session, client, connection).await?;
    let exit = if value.test_status == TestStatus::Failed { Exit::Refused } else { Exit::Done };
    let verdict = match value.test_status {
        TestStatus::Succeeded => "works",
        TestStatus::Failed => "does not work",
        TestStatus::Skipped => &value.msg,
    };
    let mut lines = vec![format!("connection {connection}: {}", toned(verdict, exit))];
    lines.extend(value.checks.iter().map(line));
    if value.checks.is_empty() && exit == Exit::Refused {
        lines.extend(value.failure_reason.iter().map(|reason| format!("  {reason}")));
    }
    Ok(Shown { people: lines.join("\n"), json, exit })
}

/// What a service's test of a connection came to.
pub(super) async fn tested(
    session: &Session,
    client: &Client,
    connection: &str,
) -> Result<Answer<ConnectionTest>, Failure> {
    let asking = client.ask(Call::get(&["connection", connection, "test"]));
    session.awaited(&format!("waiting for the vendor of connection {connection}"), asking).await
}

fn line(check: &Tried) -> String {
    let (word, tone) = match check.outcome {
        CheckOutcome::Passed => ("passed ", Exit::Done),
        CheckOutcome::Failed => ("failed ", Exit::Refused),
        CheckOutcome::Untried => ("untried", Exit::Unproven),
    };
    format!("  {}  {}{}", toned(word, tone), check.name, detail(&check.detail))
}

fn shown(connection: &str, checks: &[Tried]) -> Shown {
    let exit = Exit::from(checks);
    let verdict = if exit == Exit::Done { "works" } else { "does not work" };
    let mut lines = vec![format!("connection {connection}: {}", toned(verdict, exit))];
    lines.extend(checks.iter().map(line));
    let json = json!({"connection": connection, "checks": checks});
    Shown { people: lines.join("\n"), json, exit }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::plain;

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
