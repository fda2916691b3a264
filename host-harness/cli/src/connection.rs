//! `connection`: made, listed, changed, tested, resumed and deleted in a service.

mod bounds;
mod draft;
mod shown;

use clap::{Args, Subcommand};
use http::Method;

use self::draft::{Change, Create};
use super::{
    check,
    client::{Answer, Call},
    exit::Exit,
    failure::Failure,
    session::Session,
    shown::Shown,
};
use host_api::types::connections::{DeletedConnection, Resumed};

#[derive(Debug, Subcommand)]
pub(super) enum Connection {
    /// List the connections that the API key reaches.
    List,
    /// Show a connection; of its secrets, that they are set.
    Show {
        /// Its key.
        connection: String,
    },
    /// Make a connection, once its settings suit the plugin.
    Create(Box<Create>),
    /// Change a connection; what is not named stays as it is.
    Change(Box<Change>),
    /// Delete a connection, its secrets and its people.
    Delete(Delete),
    /// Resume a parked connection.
    Resume {
        /// Its key.
        connection: String,
    },
    /// Test everything that a connection needs, changing nothing; a parked connection is resumed if all of it works.
    Test {
        /// Its key.
        connection: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct Delete {
    /// Its key.
    connection: String,
    /// End its requests that have not ended, as failed. Some may have been carried out all the same.
    #[arg(long)]
    abandon: bool,
}

impl Connection {
    pub(super) async fn run(self, session: &Session) -> Result<Shown, Failure> {
        let client = session.client()?;
        let width = session.console.width;
        match self {
            Self::List => Ok(shown::list(width, client.ask(Call::get(&["connection"])).await?)),
            Self::Show { connection } => {
                Ok(shown::one(client.ask(Call::get(&["connection", &connection])).await?))
            }
            Self::Create(create) => {
                let call = Call::post(&["connection"]).json(&create.body()?);
                Ok(shown::one(client.ask(call).await?))
            }
            Self::Change(change) => {
                let call = Call::new(Method::PATCH, &["connection", &change.connection])
                    .with("agree", change.agree.then_some(true))
                    .json(&change.body()?);
                Ok(shown::one(client.ask(call).await.map_err(Failure::with_option)?))
            }
            Self::Delete(Delete { connection, abandon }) => {
                let call = Call::new(Method::DELETE, &["connection", &connection])
                    .with("abandon", abandon.then_some(true));
                let Answer { value, json } = client.ask::<DeletedConnection>(call).await?;
                let ended = value.requests_abandoned;
                let people = format!("connection {connection} is deleted; requests ended as failed: {ended}");
                Ok(Shown { people, json, exit: Exit::Done })
            }
            Self::Resume { connection } => {
                let call = Call::post(&["connection", &connection, "resume"]);
                let Answer { value, json } = client.ask::<Resumed>(call).await?;
                let word = if value.was_parked { "goes on" } else { "was not parked" };
                Ok(Shown { people: format!("connection {connection} {word}"), json, exit: Exit::Done })
            }
            Self::Test { connection } => check::remotely(session, &client, &connection).await,
        }
    }
}
