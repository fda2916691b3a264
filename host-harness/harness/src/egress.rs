//! The only way for requests to leave the host. A request is permitted, filled in, counted and sent, and its response
//! is masked, each in its own module.

mod caller;
mod captured;
mod carry;
mod credentials;
mod declaration;
mod fill;
mod ledger;
mod limiter;
mod limits;
mod network;
mod permit;
mod refused;
pub mod retry_after;
mod rotated;
mod rotation;
mod send;
mod template;
mod trace;
mod transport;
mod usage;

pub use caller::Sender;
pub use declaration::{Declaration, ManifestError};
pub use ledger::{Ledger, NotEntered, OnRequestEnd};
pub use limiter::LimitReached;
pub use limits::is_long;
pub use network::{Lookup, Network, SystemLookup, client, refused_address, vetted_client};
pub use rotated::{ExchangeTurn, IssuedSecret, NotStored, RotatedSecrets};
pub use trace::{Exchange, Trace, TraceEvent};
pub use transport::{DryRun, Outgoing, Transport, VendorResponse};
pub use usage::{Amount, CallUsage};

#[cfg(any(test, feature = "measure"))]
pub use crate::connection::AUTOMATA_BUILT;
pub use crate::connection::{Reach, Target, TargetError};

use std::{fmt, sync::Arc};

use crate::clock::{Clock, SystemClock};
use captured::Captured;
use ledger::InMemory;
use limiter::Limiter;
use limits::LimitCounter;

/// Sends the requests of all calls. Lives as long as the process, and keeps the limits and captured secrets of every
/// connection.
pub struct Egress {
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    places: LimitCounter,
    captured: Arc<Captured>,
    rotated: Option<Arc<dyn RotatedSecrets>>,
}

impl fmt::Debug for Egress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Egress")
    }
}

impl Egress {
    /// Creates an egress that uses `transport` and the system clock.
    pub fn new(transport: Arc<dyn Transport>) -> Self {
        Self::with_clock(transport, Arc::new(SystemClock::default()))
    }

    /// Creates an egress that uses another clock.
    pub fn with_clock(transport: Arc<dyn Transport>, clock: Arc<dyn Clock>) -> Self {
        let ledger = Arc::new(InMemory::new(Limiter::new(Arc::clone(&clock))));
        let places = LimitCounter { limiter: Limiter::new(Arc::clone(&clock)), ledger };
        Self { transport, places, clock, captured: Arc::default(), rotated: None }
    }

    /// Counts limits of an hour or more in `ledger` instead of in memory.
    #[must_use]
    pub fn with_ledger(mut self, ledger: Arc<dyn Ledger>) -> Self {
        self.places.ledger = ledger;
        self
    }

    /// Forgets the rotated secrets of the connections with this key, except those that are not stored yet: another process has
    /// stored newer ones.
    pub(crate) fn forget_captured(&self, key: &str) {
        self.captured.forget_stored(key);
    }

    /// Stores rotated secrets in `store`. Without one, they are lost at the end of the process.
    #[must_use]
    pub fn with_rotated_secrets(mut self, store: Arc<dyn RotatedSecrets>) -> Self {
        self.rotated = Some(store);
        self
    }
}

#[cfg(test)]
mod tests;
