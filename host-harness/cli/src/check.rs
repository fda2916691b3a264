//! `check`: tries everything that a connection needs.

use clap::Args;
use serde_json::json;

use super::{
    client::{Call, Client},
    document::{list, text},
    exit::Exit,
    failure::Failure,
    session::Session,
    shown::{Shown, detail, toned},
};
use host_model::contract::{Check as Tried, CheckOutcome};

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
        Ok(shown(&self.connection, &checks))
    }
}

/// The same, tried by a service.
pub(super) async fn remotely(session: &Session, client: &Client, connection: &str) -> Result<Shown, Failure> {
    let asking = client.ask(Call::get(&["connection", connection, "test"]));
    let json = session.awaited(&format!("waiting for the vendor of connection {connection}"), asking).await?;
    let status = text(&json, "test_status");
    let exit = if status == "failed" { Exit::Refused } else { Exit::Done };
    let verdict = match status.as_str() {
        "succeeded" => "works".to_owned(),
        "failed" => "does not work".to_owned(),
        _ => text(&json, "msg"),
    };
    let mut lines = vec![format!("connection {connection}: {}", toned(&verdict, exit))];
    let checks = list(&json, "checks");
    lines.extend(checks.iter().map(|check| {
        let outcome = match text(check, "outcome").as_str() {
            "passed" => CheckOutcome::Passed,
            "failed" => CheckOutcome::Failed,
            _ => CheckOutcome::Untried,
        };
        line(&text(check, "name"), outcome, &text(check, "detail"))
    }));
    if checks.is_empty() && exit == Exit::Refused {
        lines.push(format!("  {}", text(&json, "failure_reason")));
    }
    Ok(Shown { people: lines.join("\n"), json, exit })
}

fn line(name: &str, outcome: CheckOutcome, why: &str) -> String {
    let (word, tone) = match outcome {
        CheckOutcome::Passed => ("passed ", Exit::Done),
        CheckOutcome::Failed => ("failed ", Exit::Refused),
        CheckOutcome::Untried => ("untried", Exit::Unproven),
    };
    format!("  {}  {name}{}", toned(word, tone), detail(why))
}

fn shown(connection: &str, checks: &[Tried]) -> Shown {
    let exit = Exit::from(checks);
    let verdict = if exit == Exit::Done { "works" } else { "does not work" };
    let mut lines = vec![format!("connection {connection}: {}", toned(verdict, exit))];
    lines.extend(checks.iter().map(|check| line(&check.name, check.outcome, &check.detail)));
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
