//! `webhook setup`: guides the operator from a new connection to its first delivery.
//! Tested in `src/tests/server/webhooks.rs`.

mod first;
mod status;

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

use self::first::{FirstDelivery, newest};
use super::{
    check,
    client::{ApiCall, ApiResponse, Client},
    console::Console,
    delivery,
    exit::Exit,
    failure::Failure,
    on_version::OnVersionOption,
    output::{CommandOutput, OutputFormat, heading},
    session::Session,
    token,
};
use host_api::types::{
    connections::{Check, CheckOutcome, Connection, ConnectionPatch, ConnectionTest},
    webhook_setup::WebhookSetup,
};
use host_service::webhooks::setup::WEBHOOK_ID;

#[derive(Debug, Subcommand)]
pub(super) enum WebhookCommand {
    /// Set up the webhook step by step: the URL to enter at the vendor, the webhook found there, its token, a first
    /// delivery.
    Setup(WebhookSetupArgs),
    /// Show which steps of the setup are done, and why the others are not.
    ///
    /// Exit codes: 0 every step is done · 4 a step is open, or cannot be known yet.
    Status(status::WebhookStatusArgs),
}

#[derive(Debug, Args)]
pub(super) struct WebhookSetupArgs {
    /// The connection's key.
    connection: String,
    /// The vendor's id of the webhook, so that its token is renewed automatically.
    #[arg(long, value_name = "ID")]
    webhook_id: Option<String>,
    /// Run each step without asking for confirmation.
    #[arg(long)]
    yes: bool,
    /// Do not wait for a first delivery.
    #[arg(long)]
    no_wait: bool,
}

impl WebhookCommand {
    pub(super) async fn run(self, session: &Session, format: OutputFormat) -> Result<CommandOutput, Failure> {
        let client = session.client()?;
        match self {
            Self::Setup(asked) => Steps { session, client: &client, asked: &asked, format }.all().await,
            Self::Status(asked) => asked.run(session, &client).await,
        }
    }
}

/// A token to enter by hand is printed before the wait; with `--json`, it is in the document at the end.
struct Steps<'a> {
    session: &'a Session,
    client: &'a Client,
    asked: &'a WebhookSetupArgs,
    format: OutputFormat,
}

impl Steps<'_> {
    async fn all(&self) -> Result<CommandOutput, Failure> {
        let key = &self.asked.connection;
        let connection = self.client.ask::<Connection>(ApiCall::get(&["connection", key])).await?.value;
        let url = self.endpoint().await?;
        self.step("Webhooks found by the connection's test");
        let mut test = self.test().await?;
        let known = connection.settings.get(WEBHOOK_ID);
        let id = self.webhook_id(known)?;
        if let Some(id) = id.as_ref().filter(|id| Some(*id) != known) {
            self.step(&format!("Setting {WEBHOOK_ID} to {id}"));
            let settings = [(WEBHOOK_ID.to_owned(), Some(id.clone()))].into();
            let patch = ConnectionPatch { settings, ..ConnectionPatch::default() };
            let call = ApiCall::new(Method::PATCH, &["connection", key]).json(&patch);
            self.client.ask::<Connection>(call).await?;
            test = self.test().await?;
        }
        // Only a failed check of the webhook stops here: a token for an unusable webhook would be useless.
        if webhook(&test.value).is_some_and(|check| check.outcome == CheckOutcome::Failed) {
            return Err(Failure::misused(format!(
                "the webhook is not set up correctly\nnext: correct it at the vendor, then run `connector-host webhook \
                 setup {key}` again"
            )));
        }
        let since = newest(self.client, key).await?;
        let token = self.token(id.as_deref()).await?;
        let told = json!({"connection": key, "webhook_url": url, "webhook_id": id, "test": test.json, "token": token});
        self.first_delivery(told, since).await
    }

    /// Prints what to enter at the vendor. Returns the URL.
    async fn endpoint(&self) -> Result<String, Failure> {
        let call = ApiCall::get(&["connection", &self.asked.connection, "webhook"]);
        let WebhookSetup { url, at_vendor, .. } = self.client.ask(call).await?.value;
        let Some(url) = url else {
            return Err(Failure::of_connection(
                &self.asked.connection,
                "the URL for its webhooks is unknown\nnext: set `service.public-url` in the service's configuration, \
                 or `connector-host connection change KEY --webhook-url URL`",
            ));
        };
        self.step("What to enter at the vendor");
        self.say(&format!("  endpoint: {url}"));
        self.say(&format!("  {at_vendor}"));
        Ok(url)
    }

    /// Tests the connection, and prints the check of its webhook.
    async fn test(&self) -> Result<ApiResponse<ConnectionTest>, Failure> {
        let test =
            check::tested(self.session, self.client, &self.asked.connection, &OnVersionOption::default())
                .await?;
        match webhook(&test.value) {
            Some(Check { outcome, detail, .. }) => self.say(&format!("  {outcome}: {detail}")),
            None => self.say(&format!("  {}", test.value.msg)),
        }
        Ok(test)
    }

    /// The webhook whose token the host renews; `None` if that is done by hand.
    fn webhook_id(&self, known: Option<&String>) -> Result<Option<String>, Failure> {
        let known = known.filter(|known| !known.is_empty() && *known != "none").cloned();
        if self.asked.webhook_id.is_some() || known.is_some() || self.asked.yes {
            return Ok(self.asked.webhook_id.clone().or(known));
        }
        let answer = self.answer(
            "What is the webhook's id? Leave empty to change its token by hand.",
            "--webhook-id ID if the vendor accepts tokens from the service, and --yes",
        )?;
        Ok(Some(answer).filter(|answer| !answer.is_empty()))
    }

    /// Creates a token, and sends it to the vendor or prints it to be entered there by hand.
    async fn token(&self, id: Option<&str>) -> Result<Value, Failure> {
        let key = &self.asked.connection;
        self.step("Token for deliveries");
        let (question, is_handed_over) = match id {
            Some(id) => (format!("Send a new token to webhook {id} now? [y/n]"), true),
            None => ("Create a new token to enter at the vendor? [y/n]".to_owned(), false),
        };
        if !self.asked.yes && !self.answer(&question, "--yes")?.to_lowercase().starts_with('y') {
            return Err(Failure::misused(format!(
                "no token was created\nnext: start again with `connector-host webhook setup {key}`"
            )));
        }
        if is_handed_over {
            let rotated = token::rotated(key, token::rotate(self.session, self.client, key).await?);
            self.say(&format!("  {}", rotated.people));
            if rotated.exit == Exit::Done {
                return Ok(rotated.json);
            }
        }
        let issued = token::issue(self.client, key).await?;
        if self.format == OutputFormat::Text {
            self.say("  enter it at the vendor; it is shown only once:");
            let printed = self.session.console.print(&issued.value.access_token);
            printed.map_err(|error| Failure::misused(format!("cannot write to standard output: {error}")))?;
        }
        Ok(issued.json)
    }

    async fn first_delivery(&self, mut told: Value, since: Option<i64>) -> Result<CommandOutput, Failure> {
        let key = &self.asked.connection;
        let is_unseen = self.format == OutputFormat::Json && told.pointer("/token/access_token").is_some();
        let first = if self.asked.no_wait || is_unseen {
            FirstDelivery::NotAwaited
        } else {
            first::delivery(self.session, self.client, key, since).await?
        };
        let (people, delivery, exit) = match first {
            FirstDelivery::Came(delivery) => (
                format!("connection {key}: its webhook works\n{}", delivery::detail(&delivery)),
                json!(delivery),
                Exit::Done,
            ),
            FirstDelivery::NotAwaited => {
                let next = format!(
                    "connection {key}: everything is set up, but no delivery has been verified yet\nnext: have the \
                     vendor send one, then see it with `connector-host delivery list {key}`"
                );
                (next, Value::Null, Exit::Unproven)
            }
        };
        if let Some(members) = told.as_object_mut() {
            members.insert("delivery".to_owned(), delivery);
        }
        Ok(CommandOutput { people, json: told, exit })
    }

    /// Asks `question`. Without a terminal, returns an error that names `missing`, the options to give instead.
    fn answer(&self, question: &str, missing: &str) -> Result<String, Failure> {
        let console: &Console = &self.session.console;
        if !console.is_answered {
            return Err(Failure::misused(format!(
                "{question} Cannot ask: standard input is not a terminal\nnext: pass {missing}"
            )));
        }
        console.print_error(question);
        let line =
            console.line().map_err(|error| Failure::misused(format!("cannot read the answer: {error}")))?;
        Ok(line.trim().to_owned())
    }

    fn step(&self, title: &str) {
        self.say(&heading(title));
    }

    fn say(&self, text: &str) {
        self.session.console.print_error(text);
    }
}

/// The test's check of the webhook.
fn webhook(test: &ConnectionTest) -> Option<&Check> {
    test.checks.iter().find(|check| check.name == "webhook")
}
