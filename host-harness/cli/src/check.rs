//! `check`: checks everything that a connection needs.

use clap::Args;
use serde_json::json;

use super::{
    client::{ApiCall, ApiResponse, Client},
    exit::Exit,
    failure::Failure,
    on_version::OnVersionOption,
    output::{CommandOutput, coloured, detail},
    session::Session,
};
use host_api::types::connections::{Check as Tried, CheckOutcome, ConnectionTest, TestStatus};

#[derive(Debug, Args)]
pub(super) struct CheckCommand {
    /// The connection's key in the configuration.
    connection: String,
    #[command(flatten)]
    on: OnVersionOption,
}

impl CheckCommand {
    pub(super) async fn run(self, session: &Session) -> Result<CommandOutput, Failure> {
        if let Some(client) = session.remote()? {
            return check_at_service(session, &client, &self.connection, &self.on).await;
        }
        self.on.check_absent()?;
        let calls = session.calls(&self.connection).await?;
        let checks = session.ask(&calls, calls.test_connection()).await?;
        let checks: Vec<Tried> = checks.into_iter().map(Into::into).collect();
        Ok(output(&self.connection, &checks))
    }
}

/// Lets a service check the connection.
pub(super) async fn check_at_service(
    session: &Session,
    client: &Client,
    connection: &str,
    on: &OnVersionOption,
) -> Result<CommandOutput, Failure> {
    Ok(tested_output(connection, tested(session, client, connection, on).await?))
}

/// The result of a test by a service.
pub(super) fn tested_output(
    connection: &str,
    ApiResponse { value, json }: ApiResponse<ConnectionTest>,
) -> CommandOutput {
    let exit = if value.test_status == TestStatus::Failed { Exit::Refused } else { Exit::Done };
    let verdict = match value.test_status {
        TestStatus::Succeeded => "works",
        TestStatus::Failed => "does not work",
        TestStatus::Skipped => &value.msg,
    };
    let mut lines = vec![format!("connection {connection}: {}", coloured(verdict, exit))];
    lines.extend(value.checks.iter().map(line));
    if value.checks.is_empty() && exit == Exit::Refused {
        lines.extend(value.failure_reason.iter().map(|reason| format!("  {reason}")));
    }
    CommandOutput { people: lines.join("\n"), json, exit }
}

/// Returns the result of a service's test of a connection.
pub(super) async fn tested(
    session: &Session,
    client: &Client,
    connection: &str,
    on: &OnVersionOption,
) -> Result<ApiResponse<ConnectionTest>, Failure> {
    let asking = client.ask(on.add_to(ApiCall::get(&["connection", connection, "test"])));
    session.awaited(&format!("waiting for the vendor of connection {connection}"), asking).await
}

fn line(check: &Tried) -> String {
    let (word, tone) = match check.outcome {
        CheckOutcome::Passed => ("passed ", Exit::Done),
        CheckOutcome::Failed => ("failed ", Exit::Refused),
        CheckOutcome::Untried => ("untried", Exit::Unproven),
    };
    format!("  {}  {}{}", coloured(word, tone), check.name, detail(&check.detail))
}

fn output(connection: &str, checks: &[Tried]) -> CommandOutput {
    let exit = Exit::from(checks);
    let verdict = if exit == Exit::Done { "works" } else { "does not work" };
    let mut lines = vec![format!("connection {connection}: {}", coloured(verdict, exit))];
    lines.extend(checks.iter().map(line));
    let json = json!({"connection": connection, "checks": checks});
    CommandOutput { people: lines.join("\n"), json, exit }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::plain;

    #[test]
    fn each_check_is_a_line_with_its_reason() {
        let check =
            |name: &str, outcome, detail: &str| Tried { name: name.into(), outcome, detail: detail.into() };
        let shown = output(
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
        assert_eq!(plain(&super::output("n", &[]).people), "connection n: works");
    }
}
