//! The stand-in through real HTTP, against what is recorded of the real one.

mod catalogue;
mod deliveries;
mod erasure;
mod faults;
mod keys;
mod profiles;
mod program;
mod service;
mod subscriptions;
mod webhooks;
