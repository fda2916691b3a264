//! The service around the host: requests that are never lost, webhooks, consent both ways, tokens, an audit chain.

pub mod bell;
pub mod connections;
pub mod consent;
mod erasure;
pub mod limits;
pub mod lock;
pub mod logged_path;
pub mod posts;
pub mod requests;
pub mod served;
pub mod service;
pub mod settings;
pub mod tasks;
pub mod telemetry;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod tokens;
mod upkeep;
pub mod webhooks;
pub mod who;
mod work;
