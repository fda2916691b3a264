//! Which of the bundles that a registry lists goes with a component.

use bytes::Bytes;
use host_harness::plugin::Release;
use host_registry::Pulled;
use host_trust::{Arrival, Trust};

/// Returns the component in `pulled`, which arrives as `arrival` says, with the bundle that is trusted at the time `now`, in
/// milliseconds since 1970 in UTC. If none is, it is the first that a trusted key signed, or else the first at all, for the reason
/// why. Who may push can attach further ones, which must not hide the publisher's.
pub fn release(pulled: &Pulled, trust: Option<&Trust>, arrival: Arrival, now: i64) -> Release {
    let component = pulled.component.to_vec();
    let Some(trust) = trust else { return component.into() };
    let rank = |bundle: &&Bytes| match trust.verify(&component, Some(bundle), arrival, now) {
        Ok(_) => 0,
        Err(refusal) if refusal.is_of_publisher() => 1,
        Err(_) => 2,
    };
    let bundle = pulled.bundles.iter().min_by_key(rank).map(|bundle| bundle.to_vec());
    Release { component, bundle }
}
