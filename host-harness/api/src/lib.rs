//! The operator's HTTP API. Each resource has a file with its handlers, whose declarations define both its routes and
//! its part of the OpenAPI document. The types that they read and write are in [`types`], also in one file per
//! resource.
//!
//! To add a resource, write `src/NAME.rs` with `routes()` and `src/types/NAME.rs`, and add it to `routes::resources`.

mod access;
mod alarms;
mod api_keys;
mod audit;
mod body;
mod bulk_acts;
mod callback;
mod caller;
mod connections;
mod consent;
mod deliveries;
mod document;
mod edge;
mod events;
mod found;
mod health;
pub mod identity;
mod mapping;
mod metrics;
mod notices;
pub mod page;
mod people;
mod person;
mod pins;
mod plugin_operations;
mod plugins;
mod prefer;
pub mod problem;
mod pulls;
mod refusals;
mod releases;
mod replicas;
mod requests;
mod restored_revisions;
mod routes;
mod sent_version;
pub mod serve;
mod signed_in;
mod state;
mod status;
mod submission;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod tokens;
pub mod types;
mod version_difference;
mod versions;
mod webhook;
mod webhook_setup;

#[cfg(test)]
mod tests;
