//! What keeps waiting requests from running, read for many requests at once: their connections, the vendors' limits, the
//! people's earlier requests. [`holds`](crate::holds) records it.
//! Tested in `service/src/requests/worker/tests.rs`.

use std::collections::{BTreeSet, HashMap};

use crate::{connections, database::Tx, error::StoreError, placeholders::one_of, requests::RequestView};
use host_model::{duties::Duty, requests::Action};

/// The stored reasons that may hold a connection's requests back. Times are in milliseconds since the Unix epoch.
#[derive(Clone, Debug)]
pub struct ConnectionDelay {
    /// Whether it is enabled.
    pub is_enabled: bool,
    /// What it carries out; `None` if that cannot be read.
    pub duties: Option<BTreeSet<Duty>>,
    /// Why it is parked; `None` if it is not.
    pub parked_why: Option<String>,
    /// Why an operator paused it; `None` if it is not paused.
    pub paused_why: Option<String>,
    /// Until when the circuit breaker is open; a time in the past if it is closed.
    pub open_until: i64,
}

/// Until when a limit of the vendor blocks requests of a connection, with the same action and step. May be in the past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gate {
    /// Until when, in milliseconds since the Unix epoch.
    pub until: i64,
    /// Which limit.
    pub why: String,
}

/// What holds a request back because of its person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PersonDelay {
    /// Until when the vendor may not yet show the last write about the person; 0 if nothing was sent.
    pub settled_at: i64,
    /// Whether an earlier request about the person has not ended.
    pub is_behind: bool,
}

/// The stored reasons that may hold some requests back.
#[derive(Clone, Debug, Default)]
pub struct Delays {
    connections: HashMap<String, ConnectionDelay>,
    gates: HashMap<[String; 3], Gate>,
    people: HashMap<i64, PersonDelay>,
}

impl Delays {
    /// Returns what may hold back the requests of `view`'s connection; `None` if it no longer exists.
    pub fn of_connection(&self, view: &RequestView) -> Option<&ConnectionDelay> {
        self.connections.get(&view.connection)
    }

    /// Returns the gate of requests like `view`; `None` if no limit ever blocked them.
    pub fn of_limit(&self, view: &RequestView) -> Option<&Gate> {
        let [action, step] = [view.action.as_ref(), view.step.as_ref()].map(str::to_owned);
        self.gates.get(&[view.connection.clone(), action, step])
    }

    /// Returns what holds `view` back because of its person.
    pub fn of_person(&self, view: &RequestView) -> PersonDelay {
        self.people.get(&view.seq).copied().unwrap_or_default()
    }
}

/// Returns what may hold back the requests of `views`.
pub async fn delays(tx: &mut Tx, views: &[RequestView]) -> Result<Delays, StoreError> {
    let keys: BTreeSet<&str> = views.iter().map(|view| view.connection.as_str()).collect();
    let keys: Vec<&str> = keys.into_iter().collect();
    Ok(Delays {
        connections: of_connections(tx, &keys).await?,
        gates: of_limits(tx, &keys).await?,
        people: of_people(tx, views).await?,
    })
}

#[derive(sqlx::FromRow)]
struct ConnectionRow {
    key: String,
    enabled: i64,
    actions: String,
    parked_why: Option<String>,
    paused_why: Option<String>,
    open_until: i64,
}

async fn of_connections(tx: &mut Tx, keys: &[&str]) -> Result<HashMap<String, ConnectionDelay>, StoreError> {
    let sql = format!(
        "SELECT key, enabled, actions, parked_why, paused_why, open_until FROM connections WHERE {}",
        one_of("key", 1, keys.len())
    );
    let mut query = sqlx::query_as(sqlx::AssertSqlSafe(sql));
    for key in keys {
        query = query.bind(*key);
    }
    let rows: Vec<ConnectionRow> = query.fetch_all(tx).await?;
    let delay = |row: ConnectionRow| {
        let ConnectionRow { key, enabled, actions, parked_why, paused_why, open_until } = row;
        let (is_enabled, duties) = (enabled != 0, connections::duties_in(&actions).ok());
        (key, ConnectionDelay { is_enabled, duties, parked_why, paused_why, open_until })
    };
    Ok(rows.into_iter().map(delay).collect())
}

async fn of_limits(tx: &mut Tx, keys: &[&str]) -> Result<HashMap<[String; 3], Gate>, StoreError> {
    let sql = format!(
        "SELECT connection, action, step, until, why FROM gates WHERE {}",
        one_of("connection", 1, keys.len())
    );
    let mut query = sqlx::query_as(sqlx::AssertSqlSafe(sql));
    for key in keys {
        query = query.bind(*key);
    }
    let rows: Vec<(String, String, String, i64, String)> = query.fetch_all(tx).await?;
    let gates = rows.into_iter();
    Ok(gates.map(|(key, action, step, until, why)| ([key, action, step], Gate { until, why })).collect())
}

async fn of_people(tx: &mut Tx, views: &[RequestView]) -> Result<HashMap<i64, PersonDelay>, StoreError> {
    let sql = format!(
        "SELECT r.seq, COALESCE(p.settled_at, 0), CASE WHEN EXISTS (SELECT 1 FROM open_requests e \
           WHERE e.person = r.person AND e.seq < r.seq) THEN 1 ELSE 0 END \
         FROM requests r LEFT JOIN people p ON p.id = r.person WHERE {}",
        one_of("r.seq", 1, views.len())
    );
    let mut query = sqlx::query_as(sqlx::AssertSqlSafe(sql));
    for view in views {
        query = query.bind(view.seq);
    }
    let rows: Vec<(i64, i64, i64)> = query.fetch_all(tx).await?;
    let people = rows.into_iter();
    Ok(people
        .map(|(seq, settled_at, behind)| (seq, PersonDelay { settled_at, is_behind: behind != 0 }))
        .collect())
}

/// The requests that share a vendor's limit: those of one action at all connections of a vendor account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitQueue {
    /// The keys of the connections.
    pub connections: Vec<String>,
    /// The action.
    pub action: Action,
}

/// Up to this many connections are looked up one by one; of more, all waiting requests are looked through.
const FEW: usize = 8;

/// Returns, for each of the positions `seqs`, how many waiting requests of `queue` are to act before it. Counts each of them
/// once, however many positions there are.
pub async fn ahead(tx: &mut Tx, queue: &LimitQueue, seqs: &[i64]) -> Result<HashMap<i64, i64>, StoreError> {
    let mut seqs: Vec<i64> = seqs.to_vec();
    seqs.sort_unstable();
    seqs.dedup();
    let Some(first) = seqs.first().copied() else { return Ok(HashMap::new()) };
    let before_first = counted(tx, queue, "r.connection", &[(0, first)]).await?;
    // `|| ''` has SQLite look through the requests between two positions instead of looking up each connection.
    let column = if queue.connections.len() > FEW { "r.connection || ''" } else { "r.connection" };
    let gaps: Vec<_> = seqs.iter().copied().zip(seqs.iter().copied().skip(1)).collect();
    let between = counted(tx, queue, column, &gaps).await?;
    let mut ahead = 0;
    let sums = before_first.into_iter().chain(between).map(|(seq, more)| {
        ahead += more;
        (seq, ahead)
    });
    Ok(sums.collect())
}

/// Returns the end of each of `gaps` in order, with the number of requests of `queue` from its beginning until there.
async fn counted(
    tx: &mut Tx,
    queue: &LimitQueue,
    connection_column: &str,
    gaps: &[(i64, i64)],
) -> Result<Vec<(i64, i64)>, StoreError> {
    if gaps.is_empty() {
        return Ok(Vec::new());
    }
    let keys = queue.connections.len();
    let places: Vec<String> =
        (0..gaps.len()).map(|at| format!("(${}, ${})", keys + 2 + 2 * at, keys + 3 + 2 * at)).collect();
    let sql = format!(
        "WITH gaps (low, high) AS (VALUES {}) SELECT high, (SELECT COUNT(*) FROM open_requests r WHERE {} \
           AND {} = ${} AND r.step = 'act' AND r.state = 'waiting' AND r.seq >= low AND r.seq < high) \
         FROM gaps ORDER BY high",
        places.join(", "),
        one_of(connection_column, 1, keys),
        connection_column.replace("connection", "action"),
        keys + 1
    );
    let mut query = sqlx::query_as(sqlx::AssertSqlSafe(sql));
    for key in &queue.connections {
        query = query.bind(key);
    }
    query = query.bind(queue.action.as_ref());
    for (low, high) in gaps {
        query = query.bind(*low).bind(*high);
    }
    Ok(query.fetch_all(tx).await?)
}
