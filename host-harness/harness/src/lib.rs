//! Runs privacy connectors as sandboxed WebAssembly components, for a program that embeds them.
//!
//! A [`host::Host`] loads plugins and connections of a [`config::Config`]; a call on a connection is a sentence of
//! [`sandbox::Calls`].

pub mod clock;
pub mod config;
pub mod connection;
pub mod credential;
pub mod door;
pub mod egress;
pub mod engine;
pub mod host;
pub mod lines;
pub mod plugin;
pub mod sandbox;

mod bindings;
mod calls;
mod imports;

pub use host_model::{contract, secret};
