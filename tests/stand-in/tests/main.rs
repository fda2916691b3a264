//! The stand-in over real HTTP, compared with recordings of Iterable.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy recognises test functions, but not their helpers"
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
