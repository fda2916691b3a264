//! The contract's imports, each once: a thin way from the guest's words to a module that knows no wasm.

mod credentials;
mod http;
mod log;

use crate::{bindings::contract::types, sandbox::state::CallState};

impl types::Host for CallState {}
