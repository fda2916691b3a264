//! A step, and what it works with.

use anyhow::Result;

use super::{host::Host, service::Service, stand_in::StandIn};

/// What every step works with.
pub(super) struct Demo {
    pub(super) stand_in: StandIn,
    pub(super) host: Host,
    pub(super) service: Service,
}

/// A step: what it shows, and how.
pub(super) type Step = (&'static str, fn(&Demo) -> Result<String>);
