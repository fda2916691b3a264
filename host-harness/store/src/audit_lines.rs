//! Reads the lines of the audit chain: a page of them, the newest first, or all of them in the order of their chains.
//! Tested in `api/src/tests/audit.rs`.

use std::{fmt, str::FromStr};

use sqlx::{Any, any::AnyArguments, query::QueryAs};

use crate::{database::Tx, error::StoreError, grant::KeyReach};

/// A line of a chain.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct StoredLine {
    /// The tenant that the chain belongs to, or [`ALL_TENANTS`](crate::audit::ALL_TENANTS).
    pub tenant: String,
    /// Its number, starting at 1.
    pub line: i64,
    /// When it was written, in milliseconds since the Unix epoch.
    pub at: i64,
    /// The record, as JSON.
    pub record: String,
    /// Its hash, which covers the previous line.
    pub hash: Vec<u8>,
}

impl StoredLine {
    /// Returns its hash in hexadecimal.
    pub fn hash_text(&self) -> String {
        hex::encode(&self.hash)
    }
}

/// A line's place among all lines. Its text is `TENANT:LINE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinePlace {
    /// The tenant that the chain belongs to, or [`ALL_TENANTS`](crate::audit::ALL_TENANTS).
    pub tenant: String,
    /// The line's number.
    pub line: i64,
}

impl fmt::Display for LinePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.tenant, self.line)
    }
}

/// The text is not the place of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected the id of an audit line, such as acme:17")]
pub struct NotAPlace;

impl FromStr for LinePlace {
    type Err = NotAPlace;

    fn from_str(text: &str) -> Result<Self, NotAPlace> {
        let (tenant, line) = text.rsplit_once(':').ok_or(NotAPlace)?;
        Ok(Self { tenant: tenant.to_owned(), line: line.parse().map_err(|_| NotAPlace)? })
    }
}

/// Selects lines: those that match every field.
#[derive(Clone, Debug, Default)]
pub struct LineFilter {
    /// Only those that belong to this. Lines without a connection belong to a whole tenant.
    pub reach: KeyReach,
    /// Only those of the chain of this tenant; `None` for all.
    pub tenant: Option<String>,
    /// Only those with this in `what`; `None` for all.
    pub what: Option<String>,
    /// Only what was done by this: the name of an API key, or the whole text in `by`; `None` for all.
    pub by: Option<String>,
    /// Only those about the connection with this key; `None` for all.
    pub connection: Option<String>,
    /// Only those about the request with this id; `None` for all.
    pub request: Option<String>,
    /// Only those written at this time or later, in milliseconds since the Unix epoch; `None` for all.
    pub since: Option<i64>,
    /// Only those written before this time, in milliseconds since the Unix epoch; `None` for all.
    pub until: Option<i64>,
}

/// A member of a record, which is NULL if the record is damaged.
fn member(path: &str) -> String {
    format!("CASE WHEN json_valid(record) THEN json_extract(record, '$.{path}') END")
}

impl LineFilter {
    /// The first value of its reach, after those of the other fields, the place and the limit.
    const FIRST_OF_REACH: usize = 11;

    /// Returns the SQL condition that a line matches. The place and the limit are the values 8 to 10.
    fn condition(&self) -> String {
        let (connection, by) = (member("connection"), member("detail.by"));
        format!(
            "($1 IS NULL OR tenant = $1) AND ($2 IS NULL OR {what} = $2) AND ($3 IS NULL OR {by} = $3 \
               OR {by} LIKE 'API key ' || $3 || ' (%' OR {key} = $3) \
             AND ($4 IS NULL OR {connection} = $4) AND ($5 IS NULL OR {request} = $5) AND ($6 IS NULL OR at >= $6) \
             AND ($7 IS NULL OR at < $7) AND {reached}",
            what = member("what"),
            key = member("detail.\"api-key\""),
            request = member("request"),
            reached = self.reach.condition("tenant", &connection, Self::FIRST_OF_REACH),
        )
    }

    /// Binds the values of the condition, the place and the limit to the statement `sql`.
    fn query<'q>(
        &'q self,
        sql: &'q str,
        place: Option<&'q LinePlace>,
        limit: i64,
    ) -> QueryAs<'q, Any, StoredLine, AnyArguments> {
        let query = sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(self.tenant.as_deref())
            .bind(self.what.as_deref())
            .bind(self.by.as_deref())
            .bind(self.connection.as_deref())
            .bind(self.request.as_deref())
            .bind(self.since)
            .bind(self.until)
            .bind(place.map(|place| place.tenant.as_str()))
            .bind(place.map_or(0, |place| place.line))
            .bind(limit);
        self.reach.values().fold(query, QueryAs::bind)
    }
}

/// Returns at most `limit` lines that match `filter`, the newest first: those before the line at `before`, if it is given.
pub async fn newest(
    connection: &mut Tx,
    filter: &LineFilter,
    before: Option<&LinePlace>,
    limit: i64,
) -> Result<Vec<StoredLine>, StoreError> {
    let earlier = match before {
        Some(_) => {
            "(at, tenant, line) < (SELECT at, tenant, line FROM audit WHERE tenant = $8 AND line = $9)"
        }
        None => "$8 IS NULL AND $9 = 0",
    };
    let sql = format!(
        "SELECT tenant, line, at, record, hash FROM audit WHERE {} AND {earlier} \
         ORDER BY at DESC, tenant DESC, line DESC LIMIT $10",
        filter.condition()
    );
    Ok(filter.query(&sql, before, limit).fetch_all(connection).await?)
}

/// Returns at most `limit` lines that match `filter`, chain by chain: those after the line at `after`, if it is given.
pub async fn in_order(
    connection: &mut Tx,
    filter: &LineFilter,
    after: Option<&LinePlace>,
    limit: i64,
) -> Result<Vec<StoredLine>, StoreError> {
    let later = match after {
        Some(_) => "(tenant, line) > ($8, $9)",
        None => "$8 IS NULL AND $9 = 0",
    };
    let sql = format!(
        "SELECT tenant, line, at, record, hash FROM audit WHERE {} AND {later} ORDER BY tenant, line LIMIT $10",
        filter.condition()
    );
    Ok(filter.query(&sql, after, limit).fetch_all(connection).await?)
}
