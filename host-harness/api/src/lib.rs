//! The operator's HTTP API. A file a resource: its handlers, whose declarations are both its routes and its part of the OpenAPI
//! document. What they read and write is in [`types`], a file a resource too.
//!
//! To add one: write `src/NAME.rs` with `routes()` and `src/types/NAME.rs`, and name it in `routes::resources`.

mod access;
mod alarms;
mod body;
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
mod people;
mod person;
mod plugins;
pub mod problem;
mod refusals;
mod requests;
mod routes;
pub mod serve;
mod state;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod tokens;
pub mod types;
mod webhook;

#[cfg(test)]
mod tests;
