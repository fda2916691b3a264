//! The step about replicas: two of them on PostgreSQL, one of which is killed.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::super::step::Demo;
use crate::programs::{
    cluster::Cluster,
    database::DatabasePrograms,
    document::{list, says, text},
    wait::until,
};

/// The number of people who opt out while a replica is killed.
const MANY: usize = 30;

/// How long the other replica may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// The promise of the guide: it takes over after twenty seconds.
const MAX_TAKEOVER: Duration = Duration::from_secs(30);

/// Kills the replica that leads while people opt out at both.
pub(super) fn kill_one(demo: &Demo) -> Result<String> {
    let Some(programs) = DatabasePrograms::find() else {
        return Ok("left out: PostgreSQL and PgBouncer are not installed; `cargo xtask chaos` installs them"
            .to_owned());
    };
    let folder = tempfile::tempdir()?;
    let cluster = Cluster::start(&programs, folder.path(), &demo.stand_in, &["first", "second"])?;
    let mut ids = Vec::new();
    for n in 0..MANY {
        let item =
            json!({ "item": { "kind": "channel", "id": "6541" }, "choice": "opt_out", "source": "demo" });
        let body = json!({ "identity": { "email": format!("shared-{n}@example.com") }, "preferences": { "items": [item] } });
        let taken = cluster.api(n).post("/api/v1/connection/newsletter/consent", &body)?;
        ids.push(text(&taken, "/id")?.to_owned());
    }
    cluster.kill(0);
    let (killed, other) = (Instant::now(), cluster.api(1));
    for id in &ids {
        let ended = until("the end of an opt-out", PATIENCE, || {
            let request = other.get(&format!("/api/v1/requests/{id}"))?;
            let has_ended = request.pointer("/finished_at").is_some_and(Value::is_number);
            Ok(has_ended.then_some(request))
        })?;
        says(&ended, "/state", "done")?;
    }
    until("the lead of the other replica", PATIENCE, || {
        let shown = other.get("/api/v1/replicas")?;
        let [left] = list(&shown, "/replicas")?.as_slice() else { return Ok(None) };
        Ok(left.pointer("/leads_since").filter(|since| since.is_number()).map(drop))
    })?;
    let took = killed.elapsed();
    ensure!(took <= MAX_TAKEOVER, "the other replica led after {} s only", took.as_secs());
    for n in 0..MANY {
        let truth = demo.stand_in.get(&format!("people/shared-{n}@example.com"))?.to_string();
        ensure!(truth.contains("6541"), "Iterable has {truth}");
    }
    Ok(format!(
        "{MANY} accepted by two, one killed: all {MANY} done, and the other leads after {} s",
        took.as_secs()
    ))
}
