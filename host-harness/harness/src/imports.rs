//! The contract's imports: thin adapters from the guest's types to modules that are independent of wasm.

mod credentials;
mod http;
mod log;

use crate::{bindings::contract::types, sandbox::state::CallState};

impl types::Host for CallState {}
