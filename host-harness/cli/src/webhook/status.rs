//! The state of each step of a webhook's setup.
//! Tested in `src/tests/server/webhooks.rs`.

use clap::Args;
use host_api::types::webhook_setup::{SetupState, SetupStep, WebhookSetup, WebhookStep};

use crate::{
    check,
    client::{ApiCall, ApiResponse, Client},
    exit::Exit,
    failure::Failure,
    on_version::OnVersionOption,
    output::{CommandOutput, coloured, fact_lines},
    session::Session,
    words::time,
};

#[derive(Debug, Args)]
pub(crate) struct WebhookStatusArgs {
    /// The connection's key.
    connection: String,
    /// Also test the connection, which asks the vendor how its webhook is set up.
    #[arg(long)]
    test: bool,
}

impl WebhookStatusArgs {
    pub(super) async fn run(self, session: &Session, client: &Client) -> Result<CommandOutput, Failure> {
        let call = ApiCall::get(&["connection", &self.connection, "webhook"]);
        let ApiResponse { value, json } = client.ask::<WebhookSetup>(call).await?;
        if !self.test {
            return Ok(CommandOutput { people: people(&value), json, exit: exit(&value) });
        }
        let test = check::tested(session, client, &self.connection, &OnVersionOption::default()).await?;
        let setup = value.tested(&test.value);
        Ok(CommandOutput { people: people(&setup), json: serde_json::json!(setup), exit: exit(&setup) })
    }
}

fn exit(setup: &WebhookSetup) -> Exit {
    if setup.is_complete() { Exit::Done } else { Exit::Unproven }
}

fn people(setup: &WebhookSetup) -> String {
    let steps = setup.steps.iter().map(line).collect::<Vec<_>>().join("\n");
    let facts = fact_lines(&[
        ("URL", setup.url.clone().unwrap_or_default()),
        ("at the vendor", setup.at_vendor.clone()),
        ("next rotation", time(setup.next_rotation_at)),
        ("last delivery", time(setup.last_received_at)),
        ("unread", setup.unread.to_string()),
    ]);
    format!("{facts}\n{steps}")
}

fn line(WebhookStep { step, state, why, at }: &WebhookStep) -> String {
    let (word, tone) = match state {
        SetupState::Done => ("done   ", Exit::Done),
        SetupState::Open => ("open   ", Exit::Refused),
        SetupState::Unknown => ("unknown", Exit::Unproven),
    };
    let at = at.map(|at| format!(" ({})", time(Some(at)))).unwrap_or_default();
    format!("  {}  {}: {why}{at}", coloured(word, tone), name(*step))
}

fn name(step: SetupStep) -> &'static str {
    match step {
        SetupStep::Address => "address",
        SetupStep::Reachable => "reachable",
        SetupStep::Webhook => "webhook at the vendor",
        SetupStep::WebhookId => "webhook id",
        SetupStep::Token => "token",
        SetupStep::TokenAtVendor => "token at the vendor",
        SetupStep::Choices => "choices",
    }
}
