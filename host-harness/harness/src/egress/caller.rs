//! Who sends.

use std::time::Duration;

use tokio::time::Instant;

use super::{declaration::Declaration, trace::Trace};
use crate::connection::Connection;
use host_model::contract::Interface;

/// Who sends: one call of one connection.
#[derive(Clone, Copy)]
pub struct Caller<'a> {
    /// The connection, with its policy and secrets.
    pub connection: &'a Connection,
    /// What its plugin declares.
    pub declaration: &'a Declaration,
    /// The interface that was called.
    pub interface: Interface,
    /// When the call ends.
    pub deadline: Instant,
    /// Is told each exchange.
    pub trace: Option<&'a Trace>,
    /// Told when a request that may change something is about to leave.
    pub departs: &'a (dyn Fn() + Sync),
    /// Called with how long another thread computed for the call.
    pub computed: &'a (dyn Fn(Duration) + Sync),
}
