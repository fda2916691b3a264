//! The recorded attempts of a request.
//! Tested in `api/src/tests/requests.rs`.

use std::collections::HashMap;

use serde_json::Value;

use crate::{columns::Column, database::Tx, error::StoreError};
use host_model::{digest::Digest, requests::Step};

/// The version of a plugin that ran in an attempt.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct AttemptVersion {
    /// The plugin's name.
    pub plugin: String,
    /// The connector's own version; `None` if it has not been loaded.
    pub version: Option<String>,
}

/// A recorded attempt. Times are in milliseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct AttemptView {
    /// Its number, starting at 1.
    #[sqlx(rename = "generation")]
    pub number: i64,
    /// The step that it carried out.
    #[sqlx(try_from = "Column<Step>")]
    pub step: Step,
    /// The digest of the plugin that ran.
    #[sqlx(rename = "digest")]
    pub plugin_digest: String,
    /// The plugin's name and the connector's own version; `None` if the version is not in the history.
    #[sqlx(skip)]
    pub version: Option<AttemptVersion>,
    /// When it began.
    pub began_at: i64,
    /// When it ended; `None` while it is running, or if the process ended first.
    pub ended_at: Option<i64>,
    /// Its result; `None` if there is none.
    #[sqlx(try_from = "Column<Option<Value>>")]
    pub result: Option<Value>,
    /// What the host observed; `None` if it has not ended, or ended in a version that did not record it.
    #[sqlx(try_from = "Column<Option<Value>>")]
    pub observed: Option<Value>,
}

/// Returns the attempts of the request with this id, oldest first.
pub async fn attempts(connection: &mut Tx, id: &str) -> Result<Vec<AttemptView>, StoreError> {
    let mut attempts: Vec<AttemptView> = sqlx::query_as(
        "SELECT a.generation, a.step, a.digest, a.began_at, a.ended_at, a.result, a.observed \
         FROM attempts a JOIN requests r ON r.seq = a.request WHERE r.id = $1 ORDER BY a.generation",
    )
    .bind(id)
    .fetch_all(&mut *connection)
    .await?;
    let mut known: HashMap<String, Option<AttemptVersion>> = HashMap::new();
    for attempt in &mut attempts {
        let digest = attempt.plugin_digest.clone();
        if !known.contains_key(&digest) {
            known.insert(digest.clone(), version(connection, id, &digest).await?);
        }
        attempt.version = known.get(&digest).cloned().flatten();
    }
    Ok(attempts)
}

/// Returns the version with this digest, if the history has it. Several plugins may have run it: that of the request's
/// connection comes first.
async fn version(connection: &mut Tx, id: &str, digest: &str) -> Result<Option<AttemptVersion>, StoreError> {
    let Ok(Digest(digest)) = digest.parse() else { return Ok(None) };
    let version = sqlx::query_as(
        "SELECT v.plugin, v.version FROM versions v WHERE v.digest = $1 \
         ORDER BY CASE WHEN v.plugin = (SELECT c.plugin FROM requests r JOIN connections c ON c.key = r.connection \
           WHERE r.id = $2) THEN 0 ELSE 1 END, v.seq LIMIT 1",
    );
    Ok(version.bind(digest.to_vec()).bind(id).fetch_optional(connection).await?)
}
