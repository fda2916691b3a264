//! The sender of a request.

use std::time::Duration;

use tokio::time::Instant;

use super::{declaration::Declaration, trace::Trace};
use crate::connection::Connection;
use host_model::contract::{Interface, observed::ObservedRequest};

/// The sender of a request: one call of one connection.
#[derive(Clone, Copy)]
pub struct Sender<'a> {
    /// The connection, with its policy and secrets.
    pub connection: &'a Connection,
    /// What its plugin declares.
    pub declaration: &'a Declaration,
    /// The interface that was called.
    pub interface: Interface,
    /// When the call ends.
    pub deadline: Instant,
    /// Receives each exchange.
    pub trace: Option<&'a Trace>,
    /// Called when a request that may change something is about to be sent.
    pub departs: &'a (dyn Fn() + Sync),
    /// Called with each request that was sent, except token exchanges.
    pub sent: &'a (dyn Fn(ObservedRequest) + Sync),
    /// Called with the time that another thread spent computing for the call.
    pub computed: &'a (dyn Fn(Duration) + Sync),
}
