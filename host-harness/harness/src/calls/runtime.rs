//! What all calls of a host share.

use std::sync::Arc;

use super::{room::Room, turns::Turns};
use crate::{clock::Clock, egress::Egress, engine::Engine};

/// What all calls of a host share: its engine, room, turns and way out. A clone is the same runtime; it lives as long as the
/// host or a call of it.
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
    /// On `engine`, with at most `per_tenant` calls of a tenant at once; turns go by `clock`, and requests leave through
    /// `egress`.
    pub fn new(engine: Arc<Engine>, per_tenant: usize, clock: Arc<dyn Clock>, egress: Arc<Egress>) -> Self {
        let room = Arc::new(Room::new(&engine, per_tenant));
        let turns = Arc::new(Turns::new(clock));
        Self(Arc::new(Inner { engine, room, turns, egress }))
    }

    /// The same room and turns, with another way out.
    #[must_use]
    pub fn through(&self, egress: Arc<Egress>) -> Self {
        Self(Arc::new(Inner { egress, ..(*self.0).clone() }))
    }

    /// What plugins are loaded with.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.0.engine
    }

    pub(super) fn room(&self) -> &Room {
        &self.0.room
    }

    pub(super) fn turns(&self) -> &Turns {
        &self.0.turns
    }

    pub(super) fn egress(&self) -> &Arc<Egress> {
        &self.0.egress
    }
}
