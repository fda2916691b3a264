//! The audit chains: their lines, and the result of verifying them.

use host_model::text::escaped_json;
use host_service::audit_trail::Verification;
use host_store::{
    audit_chain::ChainCheck,
    audit_lines::{LineFilter, LinePlace, StoredLine},
    authentic,
    grant::KeyReach,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::page::PageLimit;

/// Filters of the audit lines. Times are milliseconds since 1970 in UTC.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// Only lines of the chain of this tenant; `*` is the chain for what concerns all tenants.
    pub tenant: Option<String>,
    /// Only lines about this, such as `request-replayed`.
    pub what: Option<String>,
    /// Only what was done with the API key of this name.
    pub by: Option<String>,
    /// Only lines about this connection.
    pub connection: Option<String>,
    /// Only lines about the request with this id.
    pub request: Option<String>,
    /// Only lines written at this time or later.
    pub since: Option<i64>,
    /// Only lines written before this time.
    pub until: Option<i64>,
    /// Only lines written before the one with this id: the last one of the previous page. Not for an export.
    pub before: Option<String>,
    /// Maximum number of results. Not for an export.
    #[serde(default)]
    #[param(inline)]
    pub limit: PageLimit<50, 500>,
}

impl AuditQuery {
    /// Returns the filter of the lines, which are within `reach`.
    pub fn filter(&self, reach: &KeyReach) -> LineFilter {
        let Self { tenant, what, by, connection, request, since, until, .. } = self.clone();
        LineFilter { reach: reach.clone(), tenant, what, by, connection, request, since, until }
    }
}

/// A page of audit lines.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditPage {
    /// Newest first.
    pub lines: Vec<AuditLine>,
}

/// A line of an audit chain. Contains no personal data and no secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditLine {
    /// Its id: the tenant and the number of the line, as `TENANT:LINE`.
    pub id: String,
    /// The tenant that the chain belongs to; `*` if it is the chain for what concerns all tenants.
    pub tenant: String,
    /// Its number, starting at 1.
    pub line: i64,
    /// When it was written, in milliseconds since 1970 in UTC.
    pub at: i64,
    /// What was done; null if the stored record is damaged.
    pub record: Option<AuditRecord>,
    /// Its hash, which covers the previous line, in hexadecimal.
    pub hash: String,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditRecord {
    /// What was done, such as `request-replayed`.
    pub what: String,
    /// The connection; null if it is not about a single connection.
    #[serde(default)]
    pub connection: Option<String>,
    /// The request; null if it is not about a request.
    #[serde(default)]
    pub request: Option<String>,
    /// The digest of the plugin that ran; null if none did.
    #[serde(default)]
    pub digest: Option<String>,
    /// The person's keyed hashes, in hexadecimal.
    #[serde(default)]
    pub people: Vec<String>,
    /// Details: `by` says who did it.
    #[serde(default)]
    pub detail: Value,
}

impl From<StoredLine> for AuditLine {
    fn from(stored: StoredLine) -> Self {
        let hash = stored.hash_text();
        let StoredLine { tenant, line, at, record, .. } = stored;
        let record = serde_json::from_str(&record).ok();
        let id = LinePlace { tenant: tenant.clone(), line }.to_string();
        Self { id, tenant, line, at, record, hash }
    }
}

impl AuditLine {
    /// Returns the line as an export contains it: JSON on one line, with its end.
    pub fn exported(&self) -> String {
        let json = serde_json::to_string(self).unwrap_or_default();
        format!("{}\n", escaped_json(&json))
    }
}

/// The result of verifying the audit chains that the API key can access.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditState {
    /// When the chains were last verified, in milliseconds since 1970 in UTC; null if the service has not verified them since
    /// its start.
    pub verified_at: Option<i64>,
    /// Each chain.
    pub chains: Vec<AuditChain>,
    /// API keys, published plugins, connections and webhook tokens that were changed or inserted in the database from outside.
    pub foreign_rows: Vec<ForeignRow>,
}

/// A tenant's chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditChain {
    /// The tenant; `*` if it is the chain for what concerns all tenants.
    pub tenant: String,
    /// The number of valid lines, counted from the first.
    pub lines: i64,
    /// The hash of the last valid line, in hexadecimal. Keep a copy elsewhere: a chain that was truncated is still valid.
    pub head: String,
    /// The first invalid line; null if all are valid.
    pub broken: Option<BrokenLine>,
}

/// The first invalid line of a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BrokenLine {
    /// Its number.
    pub line: i64,
    /// What is wrong with it.
    pub why: String,
}

/// A row that grants nothing, because it was changed or inserted in the database from outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ForeignRow {
    /// The tenant that it belongs to; `*` if it concerns all tenants.
    pub tenant: String,
    /// What it is, such as `API key ops`.
    pub what: String,
    /// What is wrong with it.
    pub why: String,
}

impl From<Verification> for AuditState {
    fn from(Verification { at, chains, foreign }: Verification) -> Self {
        Self {
            verified_at: Some(at),
            chains: chains.into_iter().map(Into::into).collect(),
            foreign_rows: foreign.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<ChainCheck> for AuditChain {
    fn from(ChainCheck { tenant, lines, head, broken }: ChainCheck) -> Self {
        let broken = broken.map(|broken| BrokenLine { line: broken.line, why: broken.why });
        Self { tenant, lines, head, broken }
    }
}

impl From<authentic::ForeignRow> for ForeignRow {
    fn from(authentic::ForeignRow { tenant, what, why }: authentic::ForeignRow) -> Self {
        Self { tenant, what, why }
    }
}
