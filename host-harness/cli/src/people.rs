//! `person`: what a service knows of a person, and people whose records it once merged.
//! Tested in `src/tests/server/people.rs`.

mod found;

use clap::Subcommand;

use self::found::FindPersonArgs;

use super::{
    client::{ApiCall, ApiResponse},
    exit::Exit,
    failure::Failure,
    output::{CommandOutput, table},
    session::Session,
    words::date,
};
use host_api::types::people::{MergedConnection, SharedRecords};

#[derive(Debug, Subcommand)]
pub(super) enum PeopleCommand {
    /// List the connections with records that several people shared, and the requests that may have affected the wrong
    /// person.
    Merged,
    /// Show what was requested for a person, what became of it, and their current choices, at each connection that knows
    /// them. The audit chain records the look-up, without the person.
    Find(FindPersonArgs),
}

impl PeopleCommand {
    pub(super) async fn run(self, session: &Session) -> Result<CommandOutput, Failure> {
        match self {
            Self::Merged => merged(session).await,
            Self::Find(find) => find.run(session).await,
        }
    }
}

async fn merged(session: &Session) -> Result<CommandOutput, Failure> {
    let call = ApiCall::get(&["people", "merged"]);
    let ApiResponse { value, json } = session.client()?.ask::<SharedRecords>(call).await?;
    let merged = &value.connections;
    if merged.is_empty() {
        let people = "no connection has records that several people shared".to_owned();
        return Ok(CommandOutput { people, json, exit: Exit::Done });
    }
    let columns = [
        ("connection", None),
        ("tenant", None),
        ("split", None),
        ("records", None),
        ("people", None),
        ("requests", None),
    ];
    let rows = merged.iter().map(|one| {
        let counts = [one.records, one.people, one.requests].map(|count| count.to_string());
        [&[one.connection.clone(), one.tenant.clone(), date(one.split_at)], &counts[..]].concat()
    });
    let mut parts = vec![table(session.console.width, &columns, rows).to_string()];
    parts.extend(merged.iter().filter_map(requests));
    Ok(CommandOutput { people: parts.join("\n\n"), json, exit: Exit::Done })
}

/// The ids of a connection's requests, one a line. `None` if there are none.
fn requests(merged: &MergedConnection) -> Option<String> {
    let ids = merged.request_ids.join("\n  ");
    (!ids.is_empty()).then(|| format!("requests of {}:\n  {ids}", merged.connection))
}
