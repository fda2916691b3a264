//! People whom version 0.1.0 took for one.

use host_store::merged;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Connections with people who shared one record, until they were told apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SharedRecords {
    /// In the order of their keys; empty if there are none.
    pub connections: Vec<MergedConnection>,
}

/// A connection with people who once shared a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MergedConnection {
    /// The connection's key.
    pub connection: String,
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The identifier kinds that its people are keyed by now, separated by blanks.
    pub identifying: String,
    /// When the last of them were split, in milliseconds since 1970 in UTC.
    pub split_at: i64,
    /// How many records several people shared.
    pub records: i64,
    /// How many people shared them.
    pub people: i64,
    /// How many requests were accepted for such a record before.
    pub requests: i64,
    /// Their ids, newest first, at most 1,000.
    pub request_ids: Vec<String>,
}

impl From<merged::Merged> for MergedConnection {
    fn from(merged: merged::Merged) -> Self {
        let merged::Merged {
            connection,
            tenant,
            identifying,
            split_at,
            records,
            people,
            requests,
            request_ids,
        } = merged;
        Self { connection, tenant, identifying, split_at, records, people, requests, request_ids }
    }
}
