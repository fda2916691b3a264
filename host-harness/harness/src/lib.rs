//! Runs privacy connectors as sandboxed WebAssembly components: library and the program connector-host.

pub mod cli;
pub mod clock;
pub mod config;
pub mod connection;
pub mod consent;
pub mod credential;
pub mod egress;
pub mod engine;
pub mod host;
pub mod plugin;
pub mod requests;
pub mod sandbox;
pub mod service;
pub mod webhook;

mod alarms;
mod api;
mod bindings;
mod identity;
mod imports;
mod limits;
mod lines;
mod logged_path;
mod post;
mod registry;
mod tasks;
mod telemetry;
mod token;

pub use host_model::{contract, secret};
