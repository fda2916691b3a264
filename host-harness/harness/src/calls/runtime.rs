//! The state that all calls of a host share.
//! Tested in `src/calls/tests.rs`.

use std::sync::Arc;

use super::{room::Room, turns::Turns};
use crate::{clock::Clock, egress::Egress, engine::Engine};

/// The state that all calls of a host share: its engine, capacity, turns and egress. Clones share the same state, which
/// lives as long as the host or one of its calls.
#[derive(Clone)]
pub struct Runtime(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    engine: Arc<Engine>,
    room: Arc<Room>,
    turns: Arc<Turns>,
    egress: Arc<Egress>,
}

impl Runtime {
    /// Creates a runtime on `engine` with at most `per_tenant` concurrent calls for each tenant. Turns use `clock`, and
    /// requests are sent through `egress`.
    pub fn new(engine: Arc<Engine>, per_tenant: usize, clock: Arc<dyn Clock>, egress: Arc<Egress>) -> Self {
        let room = Arc::new(Room::new(&engine, per_tenant));
        let turns = Arc::new(Turns::new(clock));
        Self(Arc::new(Inner { engine, room, turns, egress }))
    }

    /// Returns a runtime with the same capacity and turns but another egress.
    #[must_use]
    pub fn with_egress(&self, egress: Arc<Egress>) -> Self {
        Self(Arc::new(Inner { egress, ..(*self.0).clone() }))
    }

    /// Returns the engine that plugins are loaded with.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.0.engine
    }

    pub(super) fn room(&self) -> &Room {
        &self.0.room
    }

    pub(super) fn turns(&self) -> &Turns {
        &self.0.turns
    }

    pub(crate) fn egress(&self) -> &Arc<Egress> {
        &self.0.egress
    }
}
