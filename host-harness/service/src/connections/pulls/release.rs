//! Which of the bundles that a registry lists goes with a component.

use host_harness::plugin::Release;
use host_registry::Pulled;
use host_trust::{Arrival, HighWaterMark, Trust};

/// Returns the component in `pulled` with the bundle that is trusted at the time `now`, in milliseconds since 1970 in UTC. If
/// none is, it is the first, for the reason why. Who may push can attach further ones, which must not hide the publisher's.
pub fn release(pulled: &Pulled, trust: Option<&Trust>, mark: Option<HighWaterMark>, now: i64) -> Release {
    let component = pulled.component.to_vec();
    let Some(trust) = trust else { return component.into() };
    let is_trusted =
        |bundle: &[u8]| trust.verify(&component, Some(bundle), Arrival::FromOutside(mark), now).is_ok();
    let trusted = pulled.bundles.iter().find(|bundle| is_trusted(bundle));
    let bundle = trusted.or(pulled.bundles.first()).map(|bundle| bundle.to_vec());
    Release { component, bundle }
}
