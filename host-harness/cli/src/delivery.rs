//! `delivery`: what vendors sent a service, how it was read, and reading it again.

use clap::{Args, Subcommand};

use super::{
    client::{Answer, Call, Client},
    exit::Exit,
    failure::Failure,
    session::Session,
    shown::{ID, Shown, sheet, table},
    words::{date, optional, time, timestamp, with_reason, yes_no},
};
use host_api::types::deliveries::{Deliveries, Delivery as Received, Replayed};

#[derive(Debug, Subcommand)]
pub(super) enum Delivery {
    /// List a connection's deliveries, newest first.
    List(List),
    /// Show how a delivery was read. Its body is not shown: people are in it.
    Show {
        /// Its id.
        id: String,
    },
    /// Read again what could not be read.
    Replay(Replay),
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// The connection's key.
    connection: String,
    /// In this state: `waiting`, `read`, `of_no_concern`, `unreadable`, `stuck`, `damaged` or `refused`.
    #[arg(long)]
    state: Option<String>,
    /// Older than the one of this number: the last one of the page before.
    #[arg(long, value_name = "NUMBER")]
    before: Option<i64>,
    /// Maximum number of deliveries, 1 to 500; 50 if it is left out.
    #[arg(long, value_name = "NUMBER")]
    limit: Option<u32>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct Replay {
    /// A delivery's id.
    id: Option<String>,
    /// All deliveries of this connection that could not be read.
    #[arg(long, value_name = "KEY")]
    connection: Option<String>,
}

impl Delivery {
    pub(super) async fn run(self, session: &Session) -> Result<Shown, Failure> {
        let client = session.client()?;
        match self {
            Self::List(which) => {
                let call = Call::get(&["connection", &which.connection, "deliveries"])
                    .with("state", which.state)
                    .with("before", which.before)
                    .with("limit", which.limit);
                Ok(listed(session.console.width, client.ask(call).await?))
            }
            Self::Show { id } => {
                let Answer { value, json } = client.ask(Call::get(&["deliveries", &id])).await?;
                Ok(Shown { people: shown(&value), json, exit: Exit::Done })
            }
            Self::Replay(Replay { id: Some(id), .. }) => replay(&client, &id).await,
            Self::Replay(Replay { connection, .. }) => {
                let key = connection.unwrap_or_default();
                let call = Call::post(&["connection", &key, "deliveries", "replay"]);
                let Answer { value, json } = client.ask::<Replayed>(call).await?;
                let people = format!("deliveries to be read again: {}", value.deliveries);
                Ok(Shown { people, json, exit: Exit::Done })
            }
        }
    }
}

/// One that was read, or waits to be, is left alone.
async fn replay(client: &Client, id: &str) -> Result<Shown, Failure> {
    let Answer { value, json } = client.ask::<Replayed>(Call::post(&["deliveries", id, "replay"])).await?;
    let (people, exit) = if value.deliveries == 0 {
        let why = "only one that is unreadable, stuck or damaged is read again";
        (format!("delivery {id} stays as it is: {why}"), Exit::Refused)
    } else {
        (format!("delivery {id} is read again"), Exit::Done)
    };
    let people = format!("{people}\nnext: `connector-host delivery show {id}` shows how it stands");
    Ok(Shown { people, json, exit })
}

fn listed(width: u16, Answer { value, json }: Answer<Deliveries>) -> Shown {
    let columns =
        [("number", None), ("id", ID), ("received", None), ("events", None), ("state, and why", None)];
    let rows = value.deliveries.iter().map(|delivery| {
        let (seq, events) = (delivery.seq.to_string(), delivery.events.to_string());
        let state = with_reason(&delivery.state, delivery.reason.as_deref());
        vec![seq, delivery.id.clone(), date(delivery.received_at), events, state]
    });
    let people = table(width, &columns, rows).to_string();
    Shown { people, json, exit: Exit::Done }
}

/// A delivery in lines.
pub(super) fn shown(delivery: &Received) -> String {
    sheet(&[
        ("delivery", delivery.id.clone()),
        ("connection", delivery.connection.clone()),
        ("state", delivery.state.to_string()),
        ("reason", optional(delivery.reason.as_ref())),
        ("the vendor's", yes_no(delivery.proven).to_owned()),
        ("events", delivery.events.to_string()),
        ("received", timestamp(delivery.received_at)),
        ("read next", time(delivery.next_at)),
        ("readings", delivery.readings.to_string()),
        ("ended", time(delivery.ended_at)),
        ("body kept", yes_no(delivery.kept).to_owned()),
        ("plugin", optional(delivery.plugin_digest.as_ref())),
    ])
}
