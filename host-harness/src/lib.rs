//! Runs privacy connectors as sandboxed WebAssembly components: library and the program connector-host.

pub mod connection;
pub mod contract;
pub mod secret;
