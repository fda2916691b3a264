//! What the steps of the demonstration use.

use super::{host::Host, service::Service};
use crate::programs::stand_in::StandIn;

/// What every step uses.
pub(super) struct Demo {
    pub(super) stand_in: StandIn,
    pub(super) host: Host,
    pub(super) service: Service,
}
