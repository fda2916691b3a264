//! Tests of the API from a client's perspective, with Iterable's stand-in behind it.

mod answers;
mod connections;
mod consent;
mod disconnects;
mod document;
mod erasure_ledger;
mod file;
mod identities;
mod keys;
pub(crate) mod logged;
mod metrics;
mod notices;
mod person;
mod plugins;
mod problems;
mod published_limits;
mod refused;
mod rekeying;
mod requests;
mod scopes;
mod spelling;
mod status;
mod tenants;
mod tokens;
mod upgrade;
mod waiting;
mod webhooks;
