//! The one way out. A request is permitted, filled, counted and sent, and its answer cleaned, each in a file of its own.

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
mod send;
mod template;
mod trace;
mod transport;

pub use caller::Caller;
pub use declaration::{Declaration, ManifestError};
pub use ledger::{Leave, Ledger, NotEntered};
pub use limiter::Full;
pub use limits::is_long;
pub use network::{Lookup, Network, SystemLookup, client};
pub use trace::{Exchange, Trace};
pub use transport::{Answer, DryRun, Outgoing, Transport};

#[cfg(any(test, feature = "measure"))]
pub use crate::connection::BUILT;
pub use crate::connection::{Reach, Target, TargetError};

use std::{fmt, sync::Arc};

use crate::clock::{Clock, SystemClock};
use captured::Captured;
use ledger::InMemory;
use limiter::Limiter;
use limits::Places;

/// The way out of every call. Lives as long as the process, with the limits and captured secrets of every connection.
pub struct Egress {
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    places: Places,
    captured: Captured,
}

impl fmt::Debug for Egress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Egress")
    }
}

impl Egress {
    /// A way out through `transport`, by the machine's clock.
    pub fn new(transport: Arc<dyn Transport>) -> Self {
        Self::by_clock(transport, Arc::new(SystemClock::default()))
    }

    /// The same, by another clock.
    pub fn by_clock(transport: Arc<dyn Transport>, clock: Arc<dyn Clock>) -> Self {
        let ledger = Arc::new(InMemory::new(Limiter::new(Arc::clone(&clock))));
        let places = Places { limiter: Limiter::new(Arc::clone(&clock)), ledger };
        Self { transport, places, clock, captured: Captured::default() }
    }

    /// The same, with limits of an hour and more counted in `ledger` instead of in memory.
    #[must_use]
    pub fn counting_in(mut self, ledger: Arc<dyn Ledger>) -> Self {
        self.places.ledger = ledger;
        self
    }
}

#[cfg(test)]
mod tests;
