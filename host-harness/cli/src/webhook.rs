//! `webhook setup`: leads through everything between a connection and its first delivery.

mod first;

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

use self::first::{First, newest};
use super::{
    check,
    client::{Answer, Call, Client},
    console::Console,
    delivery,
    exit::Exit,
    failure::Failure,
    session::Session,
    shown::{Shown, heading},
    token,
};
use host_api::types::{
    connections::{Check, CheckOutcome, Connection, ConnectionPatch, ConnectionTest},
    plugins::Plugins,
};

/// The setting of a connector that takes tokens from the host.
const WEBHOOK_ID: &str = "webhook-id";

#[derive(Debug, Subcommand)]
pub(super) enum Webhook {
    /// Lead through it: the address to enter at the vendor, the webhook found there, its token, a first delivery.
    Setup(Setup),
}

#[derive(Debug, Args)]
pub(super) struct Setup {
    /// The connection's key.
    connection: String,
    /// The vendor's number of the webhook, under which its token is renewed automatically.
    #[arg(long, value_name = "ID")]
    webhook_id: Option<String>,
    /// Do each step without asking.
    #[arg(long)]
    yes: bool,
    /// Do not wait for a first delivery.
    #[arg(long)]
    no_wait: bool,
}

impl Webhook {
    pub(super) async fn run(self, session: &Session, is_json: bool) -> Result<Shown, Failure> {
        let Self::Setup(asked) = self;
        let client = session.client()?;
        Steps { session, client: &client, asked: &asked, is_json }.all().await
    }
}

/// A token to enter by hand is printed before the wait; as JSON, it is in the document at the end.
struct Steps<'a> {
    session: &'a Session,
    client: &'a Client,
    asked: &'a Setup,
    is_json: bool,
}

impl Steps<'_> {
    async fn all(&self) -> Result<Shown, Failure> {
        let key = &self.asked.connection;
        let connection = self.client.ask::<Connection>(Call::get(&["connection", key])).await?.value;
        let url = self.endpoint(&connection).await?;
        self.step("The webhooks that the connection's test finds");
        let mut test = self.test().await?;
        let known = connection.settings.get(WEBHOOK_ID);
        let id = self.webhook_id(known)?;
        if let Some(id) = id.as_ref().filter(|id| Some(*id) != known) {
            self.step(&format!("Setting {WEBHOOK_ID} to {id}"));
            let settings = [(WEBHOOK_ID.to_owned(), Some(id.clone()))].into();
            let patch = ConnectionPatch { settings, ..ConnectionPatch::default() };
            let call = Call::new(Method::PATCH, &["connection", key]).json(&patch);
            self.client.ask::<Connection>(call).await?;
            test = self.test().await?;
        }
        // A webhook id alone of what is tested is the vendor's to refuse: a token for another webhook is of no use.
        if webhook(&test.value).is_some_and(|check| check.outcome == CheckOutcome::Failed) {
            return Err(Failure::misused(format!(
                "the webhook is not as it has to be\nnext: correct it at the vendor, then run `connector-host webhook setup \
                 {key}` again"
            )));
        }
        let since = newest(self.client, key).await?;
        let token = self.token(id.as_deref()).await?;
        let told = json!({"connection": key, "webhook_url": url, "webhook_id": id, "test": test.json, "token": token});
        self.first_delivery(told, since).await
    }

    /// Says what the vendor has to be told.
    async fn endpoint(&self, connection: &Connection) -> Result<String, Failure> {
        let Some(url) = &connection.webhook_url else {
            return Err(Failure::of_connection(
                &self.asked.connection,
                "the address for its webhooks is not known\nnext: set `service.public-url` in the service's configuration, \
                 or `connector-host connection change KEY --webhook-url URL`",
            ));
        };
        let plugins = self.client.ask::<Plugins>(Call::get(&["plugins"])).await?.value.plugins;
        let plugin = plugins.iter().find(|plugin| plugin.name == connection.plugin);
        self.step("What to enter at the vendor");
        self.say(&format!("  endpoint: {url}"));
        self.say(at_vendor(plugin.map(|plugin| plugin.connector.as_str())));
        Ok(url.clone())
    }

    /// Tests the connection, and shows what it says of webhooks.
    async fn test(&self) -> Result<Answer<ConnectionTest>, Failure> {
        let test = check::tested(self.session, self.client, &self.asked.connection).await?;
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
            "Which number has the webhook? Empty: its token is changed by hand.",
            "--webhook-id ID if the vendor takes tokens from here, and --yes",
        )?;
        Ok(Some(answer).filter(|answer| !answer.is_empty()))
    }

    /// A token that the vendor gets, from here or by hand.
    async fn token(&self, id: Option<&str>) -> Result<Value, Failure> {
        let key = &self.asked.connection;
        self.step("The token that deliveries carry");
        let (question, is_handed_over) = match id {
            Some(id) => (format!("Hand a new token to webhook {id} now? [y/n]"), true),
            None => ("Make a new token, to enter it at the vendor? [y/n]".to_owned(), false),
        };
        if !self.asked.yes && !self.answer(&question, "--yes")?.to_lowercase().starts_with('y') {
            return Err(Failure::misused(format!(
                "no token is made\nnext: `connector-host webhook setup {key}` begins again"
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
        if !self.is_json {
            self.say("  enter it at the vendor; it is shown this once:");
            let printed = self.session.console.print(&issued.value.access_token);
            printed.map_err(|error| Failure::misused(format!("cannot write to standard output: {error}")))?;
        }
        Ok(issued.json)
    }

    async fn first_delivery(&self, mut told: Value, since: Option<i64>) -> Result<Shown, Failure> {
        let key = &self.asked.connection;
        let is_unseen = self.is_json && told.pointer("/token/access_token").is_some();
        let first = if self.asked.no_wait || is_unseen {
            First::NotAwaited
        } else {
            first::delivery(self.session, self.client, key, since).await?
        };
        let (people, delivery, exit) = match first {
            First::Came(delivery) => (
                format!("connection {key}: its webhook works\n{}", delivery::shown(&delivery)),
                json!(delivery),
                Exit::Done,
            ),
            First::NotAwaited => {
                let next = format!(
                    "connection {key}: everything is set, and no delivery is proven yet\nnext: have the vendor send one, then \
                     see it with `connector-host delivery list {key}`"
                );
                (next, Value::Null, Exit::Unproven)
            }
        };
        if let Some(members) = told.as_object_mut() {
            members.insert("delivery".to_owned(), delivery);
        }
        Ok(Shown { people, json: told, exit })
    }

    /// What is answered; if no answer can be given, an error that names `missing`, the options to give instead.
    fn answer(&self, question: &str, missing: &str) -> Result<String, Failure> {
        let console: &Console = &self.session.console;
        if !console.is_answered {
            return Err(Failure::misused(format!(
                "{question} There is no terminal to ask on\nnext: give {missing}"
            )));
        }
        console.complain(question);
        let line =
            console.line().map_err(|error| Failure::misused(format!("cannot read the answer: {error}")))?;
        Ok(line.trim().to_owned())
    }

    fn step(&self, title: &str) {
        self.say(&heading(title));
    }

    fn say(&self, text: &str) {
        self.session.console.complain(text);
    }
}

/// What the test says of the webhook.
fn webhook(test: &ConnectionTest) -> Option<&Check> {
    test.checks.iter().find(|check| check.name == "webhook")
}

/// Where the vendor's own settings are.
fn at_vendor(connector: Option<&str>) -> &'static str {
    match connector {
        Some("iterable") => {
            "  in Iterable, Integrations > System Webhooks: a webhook with this endpoint, authentication OAuth2, the events \
             Subscribe and Unsubscribe, and enabled"
        }
        _ => {
            "  enter it at the vendor as the webhook for changes of consent, with a token as its authentication"
        }
    }
}
