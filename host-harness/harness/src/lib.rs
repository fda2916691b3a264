//! Runs privacy connectors as sandboxed WebAssembly components, for a program that embeds them.
//!
//! A [`host::Host`] loads the plugins and connections of a [`config::Config`]. Calls on a connection are methods of
//! [`sandbox::Calls`].

pub mod clock;
pub mod compile;
pub mod config;
pub mod conformance;
pub mod connection;
pub mod credential;
pub mod door;
pub mod egress;
pub mod engine;
pub mod host;
pub mod lines;
pub mod plugin;
pub mod sandbox;
pub mod shadow;

mod bindings;
mod calls;
mod imports;

pub use host_model::{contract, secret};
