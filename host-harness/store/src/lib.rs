//! Persistent storage: connections, requests, people's choices, tokens and the audit chain.
//!
//! There is one database. Everything that must happen atomically happens in one `Store::write`, and all SQL is in this
//! crate. Times are in milliseconds since the Unix epoch.

mod address;
pub mod ages;
pub mod ahead;
pub mod alarms;
pub mod api_keys;
pub mod attributes;
pub mod audit;
pub mod audit_chain;
pub mod audit_lines;
pub mod authentic;
mod batched;
pub mod bulk_acts;
pub mod callbacks;
pub mod captured_secrets;
pub mod changes;
pub mod choices;
mod columns;
mod commits;
pub mod components;
pub mod concerned;
pub mod connection_places;
pub mod connections;
pub mod cut_off;
mod database;
pub mod delays;
pub mod deliveries;
pub mod details;
mod dialect;
mod dialects;
mod erased;
pub mod erasures;
mod error;
pub mod events;
pub mod gauges;
pub mod grant;
mod handle;
pub mod history;
pub mod holds;
pub mod items;
mod keyed;
pub mod lane;
pub mod lease;
pub mod limits;
mod list_place;
mod mac;
mod marks;
mod master_mark;
pub mod merged;
mod named;
pub mod notices;
mod open_requests;
pub mod page_sessions;
pub mod pauses;
pub mod people;
pub mod person;
mod person_hash;
pub mod pins;
mod placeholders;
pub mod plugin_operations;
mod portion;
mod postgres;
pub mod preparations;
pub mod private_file;
pub mod pulls;
pub mod queue;
pub mod rekey;
pub mod release_counts;
pub mod release_marks;
pub mod releases;
mod replica_id;
pub mod replicas;
pub mod requests;
mod restore;
mod row_change;
mod schema;
mod seal;
pub mod secret_exchanges;
mod sqlite;
mod tenure;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod tokens;
mod transfer;
mod transfer_mark;
mod unfinished;
mod upgrade;
pub mod versions;
mod writer;

pub use address::{DatabaseAddress, PostgresAddress, WrongDatabaseUrl};
pub use api_keys::ApiKey;
pub use batched::Batched;
pub use database::Tx;
pub use error::{StoreError, Unsealable};
pub use handle::{Keys, Store};
pub use named::SubjectNames;
pub use person_hash::PersonHash;
pub use portion::Portion;
pub use postgres::listener::DatabaseListener;
pub use replica_id::ReplicaId;
pub use restore::{ExistingDatabase, RestoreError, Restored, RestoredErasures, reapply_erasures, restore};
pub use row_change::RowChange;
pub use seal::{DataKey, MasterKey, NotAMasterKey, PersonKey, PersonName, Vault};
pub use tenure::Tenure;
pub use transfer::{
    DatabaseTransfer, TransferError, TransferProgress, TransferStep, Transferred, UnstorableCell,
    UnstorableReason, abandon_transfer,
};

#[cfg(test)]
mod tests;
