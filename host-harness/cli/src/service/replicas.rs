//! `service replicas`: the processes that serve the database.
//! Tested in `src/tests/server/replicas.rs`.

use host_api::types::replicas::{Replica, ReplicaList};

use crate::{
    client::{ApiCall, ApiResponse, Client},
    exit::Exit,
    failure::Failure,
    output::{CommandOutput, TIME, table},
    words::{list, timestamp},
};

/// The length of a digest in a table: enough to tell versions apart.
const DIGEST_CHARS: usize = "sha256:".len() + 12;

pub(super) async fn replicas(client: &Client, width: u16) -> Result<CommandOutput, Failure> {
    let ApiResponse { value, json } = client.ask::<ReplicaList>(ApiCall::get(&["replicas"])).await?;
    let columns = [
        ("replica", None),
        ("state", None),
        ("version", None),
        ("started", TIME),
        ("last sign of life", TIME),
        ("plugins", None),
    ];
    let people = table(width, &columns, value.replicas.into_iter().map(row)).to_string();
    Ok(CommandOutput { people, json, exit: Exit::Done })
}

fn row(replica: Replica) -> Vec<String> {
    let Replica { name, version, started_at, seen_at, behind, plugins, leads_since, answers, .. } = replica;
    let states = [
        leads_since.map(|_| "leads".to_owned()),
        answers.then(|| "answers".to_owned()),
        (behind > 0).then(|| format!("behind by {behind}")),
    ];
    let plugins = plugins.into_iter().map(|(plugin, digest)| {
        format!("{plugin} {}", digest.chars().take(DIGEST_CHARS).collect::<String>())
    });
    let states = list(states.into_iter().flatten());
    vec![name, states, version, timestamp(started_at), timestamp(seen_at), list(plugins)]
}
