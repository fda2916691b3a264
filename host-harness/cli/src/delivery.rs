//! `delivery`: lists, shows and replays the webhook deliveries that a service received.
//! Tested in `src/tests/server/webhooks.rs`.

use clap::{Args, Subcommand};

use super::{
    client::{ApiCall, ApiResponse, Client},
    exit::Exit,
    failure::Failure,
    output::{CommandOutput, ID, fact_lines, table},
    session::Session,
    words::{YesNo, date, optional, time, timestamp, with_reason},
};
use host_api::types::deliveries::{Deliveries, Delivery as Received, Replayed};

#[derive(Debug, Subcommand)]
pub(super) enum DeliveryCommand {
    /// List a connection's deliveries, newest first.
    List(ListDeliveriesArgs),
    /// Show how a delivery was read. Its body is not shown, since it contains personal data.
    Show {
        /// The delivery's id.
        id: String,
    },
    /// Re-read deliveries that could not be read.
    Replay(ReplayDeliveriesArgs),
}

#[derive(Debug, Args)]
pub(super) struct ListDeliveriesArgs {
    /// The connection's key.
    connection: String,
    /// Only deliveries in this state: `waiting`, `read`, `of_no_concern`, `unreadable`, `stuck`, `damaged` or
    /// `refused`.
    #[arg(long)]
    state: Option<String>,
    /// Only deliveries that could not be read and can be re-read.
    #[arg(long)]
    unread: bool,
    /// Only deliveries older than the one with this number: the last one of the previous page.
    #[arg(long, value_name = "NUMBER")]
    before: Option<i64>,
    /// Maximum number of deliveries, 1 to 500 [default: 50].
    #[arg(long, value_name = "NUMBER")]
    limit: Option<u32>,
}

#[derive(Debug, Args)]
pub(super) struct ReplayDeliveriesArgs {
    /// A delivery's id.
    #[arg(required_unless_present = "connection")]
    id: Option<String>,
    /// All deliveries of this connection that could not be read.
    #[arg(long, value_name = "KEY", conflicts_with = "id")]
    connection: Option<String>,
    /// Only those received at this time or later, such as 2026-01-31T12:00:00Z.
    #[arg(long, value_name = "TIME", requires = "connection")]
    since: Option<jiff::Timestamp>,
    /// Show how many would be re-read, and change nothing.
    #[arg(long, requires = "connection")]
    dry_run: bool,
}

impl DeliveryCommand {
    pub(super) async fn run(self, session: &Session) -> Result<CommandOutput, Failure> {
        let client = session.client()?;
        match self {
            Self::List(which) => {
                let call = ApiCall::get(&["connection", &which.connection, "deliveries"])
                    .with("state", which.state)
                    .with("unread", which.unread.then_some(true))
                    .with("before", which.before)
                    .with("limit", which.limit);
                Ok(listed(session.console.width, client.ask(call).await?))
            }
            Self::Show { id } => {
                let ApiResponse { value, json } = client.ask(ApiCall::get(&["deliveries", &id])).await?;
                Ok(CommandOutput { people: detail(&value), json, exit: Exit::Done })
            }
            Self::Replay(ReplayDeliveriesArgs { id: Some(id), .. }) => replay(&client, &id).await,
            Self::Replay(ReplayDeliveriesArgs { connection, since, dry_run, .. }) => {
                let key = connection.unwrap_or_default();
                let call = ApiCall::post(&["connection", &key, "deliveries", "replay"])
                    .with("since", since.map(jiff::Timestamp::as_millisecond))
                    .with("dry_run", dry_run.then_some(true));
                let ApiResponse { value, json } = client.ask::<Replayed>(call).await?;
                let what = if dry_run { "that would be re-read" } else { "to be re-read" };
                let people = format!("deliveries {what}: {}", value.deliveries);
                Ok(CommandOutput { people, json, exit: Exit::Done })
            }
        }
    }
}

/// Replays one delivery. One that was read, or is waiting to be read, is left unchanged.
async fn replay(client: &Client, id: &str) -> Result<CommandOutput, Failure> {
    let ApiResponse { value, json } =
        client.ask::<Replayed>(ApiCall::post(&["deliveries", id, "replay"])).await?;
    let (people, exit) = if value.deliveries == 0 {
        let why = "only an unreadable, stuck or damaged delivery can be re-read";
        (format!("delivery {id} is unchanged: {why}"), Exit::Refused)
    } else {
        (format!("delivery {id} will be re-read"), Exit::Done)
    };
    let people = format!("{people}\nnext: `connector-host delivery show {id}` shows its state");
    Ok(CommandOutput { people, json, exit })
}

fn listed(width: u16, ApiResponse { value, json }: ApiResponse<Deliveries>) -> CommandOutput {
    let columns =
        [("number", None), ("id", ID), ("received", None), ("events", None), ("state, and why", None)];
    let rows = value.deliveries.iter().map(|delivery| {
        let (seq, events) = (delivery.seq.to_string(), delivery.events.to_string());
        let state = with_reason(&delivery.state, delivery.reason.as_deref());
        vec![seq, delivery.id.clone(), date(delivery.received_at), events, state]
    });
    let people = table(width, &columns, rows).to_string();
    CommandOutput { people, json, exit: Exit::Done }
}

/// One delivery, with a line for each field.
pub(super) fn detail(delivery: &Received) -> String {
    fact_lines(&[
        ("delivery", delivery.id.clone()),
        ("connection", delivery.connection.clone()),
        ("state", delivery.state.to_string()),
        ("reason", optional(delivery.reason.as_ref())),
        ("verified", YesNo(delivery.proven).to_string()),
        ("events", delivery.events.to_string()),
        ("received", timestamp(delivery.received_at)),
        ("next reading", time(delivery.next_at)),
        ("readings", delivery.readings.to_string()),
        ("ended", time(delivery.ended_at)),
        ("body kept", YesNo(delivery.kept).to_string()),
        ("plugin", optional(delivery.plugin_digest.as_ref())),
    ])
}
