//! People whose records version 0.1.0 merged.

use host_store::merged;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Connections with people who shared one record until they were split.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SharedRecords {
    /// Sorted by key.
    pub connections: Vec<MergedConnection>,
}

/// A connection with people who once shared a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MergedConnection {
    /// The connection's key.
    pub connection: String,
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The identifier kinds that its people are now keyed by, separated by blanks.
    pub identifying: String,
    /// When the last of the records were split, in milliseconds since 1970 in UTC.
    pub split_at: i64,
    /// The number of records that several people shared.
    pub records: i64,
    /// The number of people who shared them.
    pub people: i64,
    /// The number of requests that were accepted for these records before.
    pub requests: i64,
    /// The ids of those requests, newest first, at most 1,000.
    pub request_ids: Vec<String>,
}

impl From<merged::MergedPeople> for MergedConnection {
    fn from(merged: merged::MergedPeople) -> Self {
        let merged::MergedPeople {
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
