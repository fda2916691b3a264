//! The service around the host: requests that are never lost, webhooks, consent both ways, tokens, an audit chain.

pub mod connections;
pub mod consent;
pub mod limits;
pub mod lock;
pub mod logged_path;
pub mod posts;
pub mod requests;
pub mod service;
pub mod settings;
pub mod tasks;
pub mod telemetry;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod tokens;
pub mod webhooks;
