//! The operator's HTTP API. A file a resource: its routes, its handlers and its part of the OpenAPI document.
//!
//! To add one: write `src/NAME.rs` with `routes()` and `Part`, and name it in `routes` and `document`.

mod access;
mod alarms;
mod body;
mod caller;
mod connections;
mod consent;
mod deliveries;
pub mod document;
mod found;
mod health;
pub mod identity;
mod metrics;
mod notices;
mod people;
mod person;
mod plugins;
pub mod problem;
mod requests;
mod routes;
pub mod serve;
mod state;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod tokens;
mod webhook;

#[cfg(test)]
mod tests;
