//! The service around the host: durable requests, webhooks, consent in both directions, tokens and an audit chain.

pub mod alarms;
pub mod api_keys;
pub mod audit_trail;
mod bell;
pub mod bulk_acts;
pub mod caller_work;
mod clock_watch;
pub mod connections;
pub mod consent;
mod database_watch;
mod duties;
mod erasure;
mod erasure_ledger;
mod foreign_keys;
mod limits;
pub mod lock;
pub mod logged_path;
pub mod parts;
pub mod people;
pub mod plugin_operations;
mod posts;
pub mod refused_log;
pub mod replica;
pub mod requests;
mod rotated;
pub mod served;
pub mod service;
pub mod settings;
mod tasks;
pub mod telemetry;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod tokens;
pub mod webhooks;
pub mod who;
mod work;
