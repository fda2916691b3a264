//! The stand-in through real HTTP, against what is recorded of the real one.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy knows test functions as such, not their helpers"
)]

mod catalogue;
mod deliveries;
mod erasure;
mod faults;
mod keys;
mod profiles;
mod program;
mod service;
mod shared;
mod subscriptions;
mod tls;
mod webhooks;
