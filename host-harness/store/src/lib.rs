//! What outlives the process: connections, requests, people's choices, tokens, the audit chain.
//!
//! One database. Everything that has to happen together happens in one `Store::write`; SQL stands in the files of this
//! folder and nowhere else. Times are milliseconds since 1970 in UTC.

pub mod ages;
pub mod alarms;
pub mod api_keys;
pub mod attributes;
pub mod audit;
pub mod choices;
mod columns;
mod commits;
pub mod components;
pub mod connections;
pub mod cut_off;
mod database;
pub mod deliveries;
pub mod details;
mod erased;
mod error;
pub mod events;
pub mod gauges;
mod handle;
pub mod holds;
pub mod items;
pub mod lane;
pub mod limits;
pub mod merged;
mod named;
pub mod notices;
pub mod people;
pub mod person;
pub mod queue;
pub mod rekey;
pub mod requests;
mod restore;
mod schema;
mod seal;
mod sqlite;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod tokens;
mod unfinished;

pub use api_keys::{ApiKey, Scope};
pub use database::Connection;
pub use error::{StoreError, Unsealable};
pub use handle::{Keys, Store};
pub use named::Named;
pub use restore::{RestoreError, restore};
pub use seal::{DataKey, MasterKey, NotAMasterKey, PersonKey, PersonName, Vault};

#[cfg(test)]
mod tests;
