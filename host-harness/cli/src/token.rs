//! `token`: the tokens that a connection's webhooks carry.
//! Tested in `src/tests/server/webhooks.rs`.

use clap::Subcommand;
use http::Method;
use serde_json::json;

use super::{
    client::{ApiCall, ApiResponse, Client},
    exit::Exit,
    failure::Failure,
    output::{CommandOutput, TIME, coloured, table},
    secret_file::SecretFileArgs,
    session::Session,
    words::{optional, time, timestamp},
};
use host_api::types::tokens::{IssuedToken, Rotated, Rotation, WebhookTokens};

#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Create a token to enter at the vendor by hand, and print it. It is shown only once.
    Issue {
        /// The connection's key.
        connection: String,
        #[command(flatten)]
        file: SecretFileArgs,
    },
    /// List a connection's tokens and their states. The tokens themselves are not shown.
    List {
        /// The connection's key.
        connection: String,
    },
    /// Revoke a token immediately. If the vendor still uses it, its deliveries are refused until it has another one.
    Revoke {
        /// The connection's key.
        connection: String,
        /// The token's number in the list.
        generation: u64,
    },
    /// Create a new token and send it to the vendor now.
    Rotate {
        /// The connection's key.
        connection: String,
    },
}

impl TokenCommand {
    pub(super) async fn run(self, session: &Session) -> Result<CommandOutput, Failure> {
        let client = session.client()?;
        match self {
            Self::Issue { connection, file } => {
                let file = file.create()?;
                let ApiResponse { value, json } = issue(&client, &connection).await?;
                let days = value.expires_in / 86_400;
                session.console.print_error(&format!("accepted for {days} days; it is shown only once"));
                let (people, json) = match file {
                    None => (value.access_token, json),
                    Some(file) => {
                        let (people, path) = file.write(
                            &value.access_token,
                            "revoke the newest token of `connector-host token list`, whose text is lost",
                        )?;
                        (people, json!({"file": path, "expires_in": value.expires_in}))
                    }
                };
                Ok(CommandOutput { people, json, exit: Exit::Done })
            }
            Self::List { connection } => {
                let call = ApiCall::get(&webhook(&connection, &["tokens"]));
                Ok(listed(session.console.width, client.ask(call).await?))
            }
            Self::Revoke { connection, generation } => {
                let generation = generation.to_string();
                let call = ApiCall::new(Method::DELETE, &webhook(&connection, &["tokens", &generation]));
                let listed = listed(session.console.width, client.ask(call).await?);
                Ok(CommandOutput {
                    people: format!("token {generation} is revoked\n{}", listed.people),
                    ..listed
                })
            }
            Self::Rotate { connection } => {
                Ok(rotated(&connection, rotate(session, &client, &connection).await?))
            }
        }
    }
}

/// A path below a connection's webhook.
fn webhook<'a>(connection: &'a str, rest: &[&'a str]) -> Vec<&'a str> {
    [&["plus", "connection", connection, "consent-webhook"], rest].concat()
}

/// Creates a token; the answer contains the token itself.
pub(super) async fn issue(client: &Client, connection: &str) -> Result<ApiResponse<IssuedToken>, Failure> {
    client.ask(ApiCall::get(&webhook(connection, &["token"]))).await
}

/// Creates a token and sends it to the vendor. Returns whether it was installed.
pub(super) async fn rotate(
    session: &Session,
    client: &Client,
    connection: &str,
) -> Result<ApiResponse<Rotated>, Failure> {
    let call = ApiCall::post(&webhook(connection, &["token", "rotate"]));
    session.awaited(&format!("waiting for the vendor of connection {connection}"), client.ask(call)).await
}

/// The result of a rotation. A token that an operator must enter at the vendor counts as not installed.
pub(super) fn rotated(connection: &str, ApiResponse { value, json }: ApiResponse<Rotated>) -> CommandOutput {
    let (exit, people) = if value.outcome == Rotation::Installed {
        let word = coloured("installed", Exit::Done);
        (
            Exit::Done,
            format!("{word}: the vendor has a new token; the previous one stays accepted for at least a day"),
        )
    } else {
        let word = coloured("not installed", Exit::Refused);
        let next = format!(
            "next: create one with `connector-host token issue {connection}` and enter it at the vendor"
        );
        (
            Exit::Refused,
            format!("{word}: this vendor's webhook does not accept tokens from the service\n{next}"),
        )
    };
    CommandOutput { people: format!("connection {connection}: {people}"), json, exit }
}

fn listed(width: u16, ApiResponse { value, json }: ApiResponse<WebhookTokens>) -> CommandOutput {
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
    CommandOutput { people, json, exit: Exit::Done }
}
