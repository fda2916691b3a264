//! Runs privacy connectors as sandboxed WebAssembly components: library and the program connector-host.

pub mod cli;
pub mod clock;
pub mod config;
pub mod connection;
pub mod consent;
pub mod contract;
pub mod credential;
pub mod egress;
pub mod engine;
pub mod host;
pub mod plugin;
pub mod requests;
pub mod sandbox;
pub mod secret;
pub mod service;
pub mod store;
pub mod webhook;

mod alarms;
mod api;
mod bindings;
mod identity;
mod imports;
mod kebab;
mod lines;
mod logged_path;
mod nearest;
mod post;
mod registry;
mod tasks;
mod telemetry;
mod token;
