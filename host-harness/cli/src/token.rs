//! `token`: the tokens that a connection's webhooks carry.

use clap::Subcommand;
use http::Method;

use super::{
    client::{Answer, Call, Client},
    exit::Exit,
    failure::Failure,
    session::Session,
    shown::{Shown, TIME, table, toned},
    words::{optional, time, timestamp},
};
use host_api::types::tokens::{IssuedToken, Rotated, Rotation, WebhookTokens};

#[derive(Debug, Subcommand)]
pub(super) enum Token {
    /// Make a token and show it, this once, for the webhook of a vendor that takes it by hand.
    Issue {
        /// The connection's key.
        connection: String,
    },
    /// List a connection's tokens and how each stands; no token itself is shown.
    List {
        /// The connection's key.
        connection: String,
    },
    /// End a token at once. Where the vendor uses it, its deliveries are refused until it has another one.
    Revoke {
        /// The connection's key.
        connection: String,
        /// Which one, as the list numbers it.
        generation: u64,
    },
    /// Make a new token and hand it to the vendor now.
    Rotate {
        /// The connection's key.
        connection: String,
    },
}

impl Token {
    pub(super) async fn run(self, session: &Session) -> Result<Shown, Failure> {
        let client = session.client()?;
        match self {
            Self::Issue { connection } => {
                let Answer { value, json } = issue(&client, &connection).await?;
                let days = value.expires_in / 86_400;
                session.console.complain(&format!("accepted for {days} days; it is shown this once"));
                Ok(Shown { people: value.access_token, json, exit: Exit::Done })
            }
            Self::List { connection } => {
                let call = Call::get(&webhook(&connection, &["tokens"]));
                Ok(listed(session.console.width, client.ask(call).await?))
            }
            Self::Revoke { connection, generation } => {
                let generation = generation.to_string();
                let call = Call::new(Method::DELETE, &webhook(&connection, &["tokens", &generation]));
                let listed = listed(session.console.width, client.ask(call).await?);
                Ok(Shown { people: format!("token {generation} is revoked\n{}", listed.people), ..listed })
            }
            Self::Rotate { connection } => {
                Ok(rotated(&connection, rotate(session, &client, &connection).await?))
            }
        }
    }
}

/// Where a connection's webhook tokens are.
fn webhook<'a>(connection: &'a str, rest: &[&'a str]) -> Vec<&'a str> {
    [&["plus", "connection", connection, "consent-webhook"], rest].concat()
}

/// A new token, itself in the answer.
pub(super) async fn issue(client: &Client, connection: &str) -> Result<Answer<IssuedToken>, Failure> {
    client.ask(Call::get(&webhook(connection, &["token"]))).await
}

/// What became of a new token that was handed to the vendor.
pub(super) async fn rotate(
    session: &Session,
    client: &Client,
    connection: &str,
) -> Result<Answer<Rotated>, Failure> {
    let call = Call::post(&webhook(connection, &["token", "rotate"]));
    session.awaited(&format!("waiting for the vendor of connection {connection}"), client.ask(call)).await
}

/// A token that an operator has to enter at the vendor is not installed.
pub(super) fn rotated(connection: &str, Answer { value, json }: Answer<Rotated>) -> Shown {
    let (exit, people) = if value.outcome == Rotation::Installed {
        let word = toned("installed", Exit::Done);
        (
            Exit::Done,
            format!("{word}: the vendor has a new token; the one before stays accepted for a day at least"),
        )
    } else {
        let word = toned("not installed", Exit::Refused);
        let next = format!(
            "next: make one with `connector-host token issue {connection}` and enter it at the vendor"
        );
        (Exit::Refused, format!("{word}: this vendor's webhook takes none from here\n{next}"))
    };
    Shown { people: format!("connection {connection}: {people}"), json, exit }
}

fn listed(width: u16, Answer { value, json }: Answer<WebhookTokens>) -> Shown {
    let columns = [
        ("token", None),
        ("state", None),
        ("since", TIME),
        ("until", TIME),
        ("last seen", TIME),
        ("remark", None),
    ];
    let rows = value.tokens.iter().map(|token| {
        let (generation, state) = (token.generation.to_string(), token.state.to_string());
        let (since, until) = (timestamp(token.issued_at), timestamp(token.expires_at));
        vec![generation, state, since, until, time(token.seen_at), optional(token.push_reason.as_ref())]
    });
    let people = table(width, &columns, rows).to_string();
    Shown { people, json, exit: Exit::Done }
}
