//! Finds requests: a page of those that match a filter, and how many match. Both look for positions in an index first and
//! read only the rows that they return.
//! Tested in `src/requests/matching/tests.rs`.

use sqlx::{Arguments as _, any::AnyArguments};

use super::{COLUMNS, RequestView, TABLES};
use crate::{database::Tx, error::StoreError, grant::KeyReach, list_place::place_of};
use host_model::requests::{Action, RequestState, waits_for::WaitsFor};

/// The maximum number of requests that are counted. Counting stops there, so that it takes a few milliseconds at most.
pub const MAX_COUNTED: i64 = 10_000;

/// Selects requests: those that match every field.
#[derive(Clone, Debug, Default)]
pub struct RequestFilter {
    /// Only those that belong to this.
    pub reach: KeyReach,
    /// Only those of the connection with this key; `None` for all.
    pub connection: Option<String>,
    /// Only those of this tenant; `None` for all.
    pub tenant: Option<String>,
    /// Only those in this state; `None` for all.
    pub state: Option<RequestState>,
    /// Only those with this action; `None` for all.
    pub action: Option<Action>,
    /// Only those that have not ended and were accepted at this time or before; `None` for all.
    pub open_since: Option<i64>,
    /// Only those with these ids; `None` for all.
    pub ids: Option<Vec<String>>,
    /// Only those that wait for this; `None` for all.
    pub waits: Option<WaitsAt>,
}

/// What requests wait for at a time.
#[derive(Clone, Debug)]
pub struct WaitsAt {
    /// What they wait for.
    pub what: WaitsFor,
    /// The time, in milliseconds since the Unix epoch.
    pub at: i64,
    /// The keys of the connections that are not served.
    pub unserved: Vec<String>,
}

/// A part of a list.
#[derive(Clone, Debug, Default)]
pub struct ListPart {
    /// Only requests accepted before the one with this id; `None` for the newest.
    pub before: Option<String>,
    /// The maximum number of requests.
    pub limit: i64,
}

/// How many requests match a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatchCount {
    /// The number of requests, at most [`MAX_COUNTED`].
    pub count: i64,
    /// Whether no further request matches.
    pub is_exact: bool,
}

/// Returns the requests that match `filter`, newest first.
pub async fn list(
    connection: &mut Tx,
    filter: &RequestFilter,
    part: &ListPart,
) -> Result<Vec<RequestView>, StoreError> {
    let (sql, values) = list_statement(filter, part);
    let query = sqlx::query_as_with(sqlx::AssertSqlSafe(sql), arguments(values)?);
    Ok(query.fetch_all(connection).await?)
}

fn list_statement(filter: &RequestFilter, part: &ListPart) -> (String, Vec<BoundValue>) {
    let mut conditions = Conditions::of(filter);
    if let Some(before) = &part.before {
        let before = conditions.bind(before.as_str());
        conditions.add(format!("r.seq < {}", place_of("requests", &before)));
    }
    let found = conditions.select(part.limit);
    let sql = format!("SELECT {COLUMNS} FROM {TABLES} WHERE r.seq IN ({found}) ORDER BY r.seq DESC");
    (sql, conditions.values)
}

/// Returns how many requests match `filter`.
pub async fn count(connection: &mut Tx, filter: &RequestFilter) -> Result<MatchCount, StoreError> {
    let (sql, values) = count_statement(filter);
    let query = sqlx::query_scalar_with(sqlx::AssertSqlSafe(sql), arguments(values)?);
    let count: i64 = query.fetch_one(connection).await?;
    Ok(MatchCount { count: count.min(MAX_COUNTED), is_exact: count <= MAX_COUNTED })
}

fn count_statement(filter: &RequestFilter) -> (String, Vec<BoundValue>) {
    let mut conditions = Conditions::of(filter);
    let found = conditions.select(MAX_COUNTED + 1);
    let sql = format!("SELECT COUNT(*) FROM ({found}) AS matching");
    (sql, conditions.values)
}

/// Copies the requests that match `filter`, at most `limit`, to the act with the position `act`, in the order of acceptance.
/// Returns their number.
pub(crate) async fn copy_to_act(
    tx: &mut Tx,
    filter: &RequestFilter,
    act: i64,
    limit: i64,
) -> Result<i64, StoreError> {
    let mut conditions = Conditions::of(filter);
    let (act, limit) = (conditions.bind(act), conditions.bind(limit));
    let sql = format!(
        "INSERT INTO bulk_act_requests (bulk_act, request, id, tenant, connection) \
         SELECT CAST({act} AS BIGINT), q.seq, q.id, q.tenant, q.connection FROM requests q WHERE q.seq IN \
           (SELECT r.seq FROM {} r WHERE {} ORDER BY r.seq LIMIT {limit})",
        conditions.table,
        conditions.all()
    );
    let copied = sqlx::query_with(sqlx::AssertSqlSafe(sql), arguments(conditions.values)?);
    Ok(i64::try_from(copied.execute(tx).await?.rows_affected()).unwrap_or(i64::MAX))
}

fn arguments(values: Vec<BoundValue>) -> Result<AnyArguments, sqlx::Error> {
    let mut arguments = AnyArguments::default();
    for value in values {
        match value {
            BoundValue::Text(text) => arguments.add(text),
            BoundValue::Number(number) => arguments.add(number),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

/// A value of a condition.
enum BoundValue {
    Text(String),
    Number(i64),
}

impl From<&str> for BoundValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for BoundValue {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

/// The conditions of a filter on the row `r`, with their values in order.
struct Conditions {
    sql: Vec<String>,
    values: Vec<BoundValue>,
    /// What the newest come first by. `+ 0` has SQLite sort the few that match instead of looking through all requests.
    order: &'static str,
    /// The table of the requests that may match, `r`.
    table: &'static str,
}

impl Conditions {
    fn of(filter: &RequestFilter) -> Self {
        let RequestFilter { reach, connection, tenant, state, action, open_since, ids, waits } = filter;
        let are_open =
            waits.is_some() || open_since.is_some() || state.is_some_and(|state| !state.has_ended());
        let is_sorted = open_since.is_some() || *state == Some(RequestState::Running);
        let order = if is_sorted { "r.seq + 0" } else { "r.seq" };
        let table = if are_open { "open_requests" } else { "requests" };
        let mut all = Self { sql: Vec::new(), values: Vec::new(), order, table };
        // The index of how requests ended contains these columns. `|| ''` has SQLite use it, rather than one that contains only
        // the column.
        let [of_tenant, of_connection, of_action] = if state.is_some() && !are_open {
            ["r.tenant || ''", "r.connection || ''", "r.action || ''"]
        } else {
            ["r.tenant", "r.connection", "r.action"]
        };
        all.add(reach.condition(of_tenant, of_connection, 1));
        all.values.extend(reach.values().map(|value| BoundValue::from(value.as_str())));
        let columns = [
            (of_connection, connection.as_deref()),
            (of_tenant, tenant.as_deref()),
            (of_action, action.as_ref().map(AsRef::as_ref)),
        ];
        for (column, value) in columns {
            if let Some(value) = value {
                let value = all.bind(value);
                all.add(format!("{column} = {value}"));
            }
        }
        if let Some(state) = state {
            let in_index = if are_open { "" } else { " AND r.finished_at IS NOT NULL" };
            all.add(format!("r.state = '{state}'{in_index}"));
        }
        if let Some(since) = open_since {
            let since = all.bind(*since);
            all.add(format!("r.received_at <= {since}"));
        }
        if let Some(ids) = ids {
            let condition = all.one_of("id", ids);
            all.add(format!("r.seq IN (SELECT seq FROM requests WHERE {condition})"));
        }
        if let Some(waits) = waits {
            all.add_waits(waits);
        }
        all
    }

    /// Adds the condition that a request waits for `what`. Sets of people and connections are found once, not for each
    /// request.
    fn add_waits(&mut self, WaitsAt { what, at, unserved }: &WaitsAt) {
        self.add("r.state = 'waiting'".to_owned());
        if *what == WaitsFor::AnotherVersion {
            return self.add("r.contradicted_by IS NOT NULL".to_owned());
        }
        self.add("r.contradicted_by IS NULL".to_owned());
        let condition = match what {
            WaitsFor::AnotherVersion => return,
            WaitsFor::EarlierRequest => {
                "EXISTS (SELECT 1 FROM open_requests e WHERE e.person = r.person AND e.seq < r.seq)"
                    .to_owned()
            }
            WaitsFor::Connection => {
                let unserved = self.one_of("r.connection", unserved);
                format!(
                    "(r.connection NOT IN (SELECT key FROM connections WHERE enabled = 1 AND actions LIKE \
                       CASE r.action WHEN 'erasure' THEN '%erasure%' ELSE '%consent%' END) OR {unserved})"
                )
            }
            WaitsFor::Parked => {
                "r.connection IN (SELECT key FROM connections WHERE parked_why IS NOT NULL)".to_owned()
            }
            WaitsFor::Paused => {
                "r.connection IN (SELECT key FROM connections WHERE paused_why IS NOT NULL)".to_owned()
            }
            WaitsFor::Vendor => {
                format!("r.connection IN (SELECT key FROM connections WHERE open_until > {})", self.bind(*at))
            }
            WaitsFor::Limit => format!(
                "EXISTS (SELECT 1 FROM gates g WHERE g.connection = r.connection AND g.action = r.action \
                   AND g.step = r.step AND g.until > {})",
                self.bind(*at)
            ),
            WaitsFor::Settling => {
                format!("r.person IN (SELECT id FROM people WHERE settled_at > {})", self.bind(*at))
            }
            WaitsFor::Retry => format!("r.next_at > {}", self.bind(*at)),
        };
        self.add(condition);
    }

    /// Adds a value. Returns its placeholder.
    fn bind(&mut self, value: impl Into<BoundValue>) -> String {
        self.values.push(value.into());
        format!("${}", self.values.len())
    }

    /// Returns the condition that `column` is one of `values`.
    fn one_of(&mut self, column: &str, values: &[String]) -> String {
        let places: Vec<_> = values.iter().map(|value| self.bind(value.as_str())).collect();
        if places.is_empty() { "FALSE".to_owned() } else { format!("{column} IN ({})", places.join(", ")) }
    }

    fn add(&mut self, condition: String) {
        self.sql.push(condition);
    }

    fn all(&self) -> String {
        self.sql.join(" AND ")
    }

    /// Returns the query of the positions of the newest that match, at most `limit`.
    fn select(&mut self, limit: i64) -> String {
        let (limit, order, table) = (self.bind(limit), self.order, self.table);
        format!("SELECT r.seq FROM {table} r WHERE {} ORDER BY {order} DESC LIMIT {limit}", self.all())
    }
}

#[cfg(test)]
mod tests;
