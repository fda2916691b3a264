//! `person`: people whom a service once took for one.

use clap::Subcommand;

use super::{
    client::{Answer, Call},
    exit::Exit,
    failure::Failure,
    session::Session,
    shown::{Shown, table},
    words::date,
};
use host_api::types::people::{MergedConnection, SharedRecords};

#[derive(Debug, Subcommand)]
pub(super) enum People {
    /// List the connections with records that several people shared, and the requests that may have gone to the wrong person.
    Merged,
}

impl People {
    pub(super) async fn run(self, session: &Session) -> Result<Shown, Failure> {
        let Self::Merged = self;
        let call = Call::get(&["people", "merged"]);
        let Answer { value, json } = session.client()?.ask::<SharedRecords>(call).await?;
        let merged = &value.connections;
        if merged.is_empty() {
            let people = "no connection has people who shared a record".to_owned();
            return Ok(Shown { people, json, exit: Exit::Done });
        }
        let columns = [
            ("connection", None),
            ("tenant", None),
            ("told apart", None),
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
        Ok(Shown { people: parts.join("\n\n"), json, exit: Exit::Done })
    }
}

/// The ids of a connection's requests, a line each; `None` if there are none.
fn requests(merged: &MergedConnection) -> Option<String> {
    let ids = merged.request_ids.join("\n  ");
    (!ids.is_empty()).then(|| format!("requests of {}:\n  {ids}", merged.connection))
}
