//! `bulk-act`: acts on many requests at once, which are approved, withdrawn and followed here.
//! Tested in `src/tests/server/bulk_acts.rs`.

use clap::{Args, Subcommand};
use host_api::types::bulk_acts::{BulkAct, BulkActPage, BulkRequestPage, BulkState};

use super::{
    client::{ApiCall, ApiResponse, Client},
    exit::Exit,
    failure::Failure,
    output::{CommandOutput, ID, coloured, fact_lines, table},
    session::Session,
    words::{date, optional, time, timestamp, with_reason},
};

#[derive(Debug, Subcommand)]
pub(super) enum BulkActCommand {
    /// List acts, newest first.
    List(ListBulkActsArgs),
    /// Show an act, how far it is, and the requests that it was refused for. Exits with 4 while it has not ended.
    Show {
        /// The act's id.
        id: String,
    },
    /// Approve a pending act, which begins.
    Approve {
        /// The act's id.
        id: String,
    },
    /// Withdraw a pending act: nothing is done.
    Withdraw {
        /// The act's id.
        id: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct ListBulkActsArgs {
    /// Only acts in this state: pending, running, done, withdrawn or expired.
    #[arg(long)]
    state: Option<String>,
    /// List acts older than this id, such as the last id of the previous page.
    #[arg(long, value_name = "ID")]
    before: Option<String>,
    /// Maximum number of acts, 1 to 500 [default: 50].
    #[arg(long, value_name = "NUMBER")]
    limit: Option<u32>,
}

impl BulkActCommand {
    pub(super) async fn run(self, session: &Session) -> Result<CommandOutput, Failure> {
        let client = session.client()?;
        match self {
            Self::List(ListBulkActsArgs { state, before, limit }) => {
                let call = ApiCall::get(&["bulk-acts"])
                    .with("state", state)
                    .with("before", before)
                    .with("limit", limit);
                Ok(listed(session.console.width, client.ask(call).await?))
            }
            Self::Show { id } => show(session, &client, &id).await,
            Self::Approve { id } => Ok(summary(decide(&client, &id, "approve").await?)),
            Self::Withdraw { id } => {
                let ApiResponse { json, .. } = decide(&client, &id, "withdraw").await?;
                let people = format!("bulk act {id} is withdrawn: nothing was done");
                Ok(CommandOutput { people, json, exit: Exit::Done })
            }
        }
    }
}

async fn decide(client: &Client, id: &str, decision: &str) -> Result<ApiResponse<BulkAct>, Failure> {
    client.ask(ApiCall::post(&["bulk-acts", id, decision])).await
}

/// An act in one line, and what comes next.
pub(super) fn summary(ApiResponse { value, json }: ApiResponse<BulkAct>) -> CommandOutput {
    let BulkAct { id, act, state, total, .. } = &value;
    let exit = exit(*state);
    let next = match state {
        BulkState::Pending => {
            format!("\nnext: another person approves it with `connector-host bulk-act approve {id}`")
        }
        BulkState::Running => format!("\nnext: see it with `connector-host bulk-act show {id}`"),
        BulkState::Done | BulkState::Withdrawn | BulkState::Expired => String::new(),
    };
    let people =
        format!("bulk act {id}: {}: {act} {total} requests{next}", coloured(&state.to_string(), exit));
    CommandOutput { people, json, exit }
}

fn listed(width: u16, ApiResponse { value, json }: ApiResponse<BulkActPage>) -> CommandOutput {
    let columns = [
        ("id", ID),
        ("made", None),
        ("by", None),
        ("act", None),
        ("requests", None),
        ("done", None),
        ("refused", None),
        ("state", None),
    ];
    let rows = value.acts.iter().map(|act| {
        vec![
            act.id.clone(),
            date(act.made_at),
            act.made_by.clone(),
            act.act.to_string(),
            act.total.to_string(),
            act.done.to_string(),
            act.refused.to_string(),
            act.state.to_string(),
        ]
    });
    CommandOutput { people: table(width, &columns, rows).to_string(), json, exit: Exit::Done }
}

async fn show(session: &Session, client: &Client, id: &str) -> Result<CommandOutput, Failure> {
    let ApiResponse { value: act, mut json } =
        client.ask::<BulkAct>(ApiCall::get(&["bulk-acts", id])).await?;
    let call = ApiCall::get(&["bulk-acts", id, "requests"]).with("result", Some("refused"));
    let refused = client.ask::<BulkRequestPage>(call).await?;
    let exit = exit(act.state);
    let mut parts = vec![fact_lines(&[
        ("bulk act", act.id),
        ("act", act.act.to_string()),
        ("state", coloured(&act.state.to_string(), exit)),
        ("made", timestamp(act.made_at)),
        ("by", act.made_by),
        ("expires", if act.state == BulkState::Pending { timestamp(act.expires_at) } else { String::new() }),
        ("decided", time(act.decided_at)),
        ("decided by", optional(act.decided_by.as_ref())),
        ("ended", time(act.ended_at)),
        ("requests", act.total.to_string()),
        ("done", act.done.to_string()),
        ("refused", act.refused.to_string()),
    ])];
    if !refused.value.requests.is_empty() {
        let columns = [("request", ID), ("connection", None), ("result, and why", None)];
        let rows = refused.value.requests.iter().map(|request| {
            let result = optional(request.result.as_ref());
            vec![request.id.clone(), request.connection.clone(), with_reason(&result, request.why.as_deref())]
        });
        parts.push(table(session.console.width, &columns, rows).to_string());
    }
    if let Some(members) = json.as_object_mut() {
        let requests = refused.json.get("requests").cloned().unwrap_or_default();
        members.insert("refused_requests".to_owned(), requests);
    }
    Ok(CommandOutput { people: parts.join("\n"), json, exit })
}

fn exit(state: BulkState) -> Exit {
    match state {
        BulkState::Pending | BulkState::Running => Exit::Unproven,
        BulkState::Done | BulkState::Withdrawn => Exit::Done,
        BulkState::Expired => Exit::Refused,
    }
}
