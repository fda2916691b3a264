//! The versions that no longer serve, while calls that began with them are in flight.
//! Tested in `tests/all/swap/retired.rs`.

use super::loaded::Plugin;
use host_exchange::{InUse, Uses};
use host_model::digest::Digest;

/// A version that no longer serves, with calls in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetiredVersion {
    /// Its digest.
    pub digest: Digest,
    /// The number of [`Calls`](crate::sandbox::Calls) that began with it and still exist. A caller that still has its
    /// generation counts as one more.
    pub in_flight: usize,
}

/// The uses of the versions that were replaced, oldest first. A version that served several times is in it several
/// times. Those without uses stay until the next one is added.
#[derive(Debug, Default)]
pub(super) struct Retired(Vec<(Digest, Uses)>);

impl Retired {
    pub(super) fn add(&mut self, plugin: &InUse<Plugin>) {
        self.0.retain(|(_, uses)| uses.left() > 0);
        self.0.push((plugin.digest(), plugin.uses()));
    }

    /// Returns the versions with calls in flight, except for the one that serves again.
    pub(super) fn except(&self, serving: Digest) -> Vec<RetiredVersion> {
        let mut versions: Vec<RetiredVersion> = Vec::new();
        for (digest, uses) in &self.0 {
            let (digest, in_flight) = (*digest, uses.left());
            match versions.iter_mut().find(|known| known.digest == digest) {
                Some(known) => known.in_flight += in_flight,
                None if in_flight > 0 && digest != serving => {
                    versions.push(RetiredVersion { digest, in_flight });
                }
                None => {}
            }
        }
        versions
    }

    /// Returns the uses of a version that began before it was replaced.
    pub(super) fn uses(&self, version: Digest) -> Vec<Uses> {
        self.0.iter().filter(|(digest, _)| *digest == version).map(|(_, uses)| uses.clone()).collect()
    }
}
