//! The steps of the demonstration, and what they use.

use anyhow::Result;

use super::{host::Host, service::Service, stand_in::StandIn};

/// What every step uses.
pub(super) struct Demo {
    pub(super) stand_in: StandIn,
    pub(super) host: Host,
    pub(super) service: Service,
}

/// A step: its title and the function that runs it.
pub(super) type Step = (&'static str, fn(&Demo) -> Result<String>);
