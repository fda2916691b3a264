//! The order of a plugin's releases.

use std::{cmp::Ordering, fmt};

use host_model::digest::Digest;
use serde::{Deserialize, Serialize};

/// The number of a release of a plugin, which grows with each: 1 to [`Revision::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Revision(u64);

/// The number is not a revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a revision from 1 to {}, found {found}", Revision::MAX)]
pub struct NotARevision {
    /// The number.
    pub found: u64,
}

impl Revision {
    /// The greatest revision, 2^53 - 1: the greatest whole number that every reader of JSON reads exactly.
    pub const MAX: u64 = (1 << 53) - 1;
}

impl TryFrom<u64> for Revision {
    type Error = NotARevision;

    fn try_from(number: u64) -> Result<Self, NotARevision> {
        if (1..=Self::MAX).contains(&number) { Ok(Self(number)) } else { Err(NotARevision { found: number }) }
    }
}

impl From<Revision> for u64 {
    fn from(revision: Revision) -> Self {
        revision.0
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The newest revision of a plugin that was ever admitted, with the digest that it had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HighWaterMark {
    /// The revision.
    pub revision: Revision,
    /// The digest of the component.
    pub digest: Digest,
}

impl HighWaterMark {
    /// Returns the higher one of both, this one if they are equal.
    #[must_use]
    pub fn raised_to(self, other: Self) -> Self {
        match self.revision.cmp(&other.revision) {
            Ordering::Less => other,
            Ordering::Equal | Ordering::Greater => self,
        }
    }
}

/// How a plugin's file came to the host. The caller takes it from its own records, never from the file or its bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// From outside, such as an upload, a registry or a file. Its statement has to be current: valid now, and not
    /// behind the mark. `None` if no statement about the plugin was admitted before.
    FromOutside(Option<HighWaterMark>),
    /// From outside, while it is not known which revision was admitted before. It is refused: it may be an older one.
    AfterUnknown,
    /// The version with this digest, which already served here, is put back. That it is old is intended, so only who
    /// signed it is checked, not whether it is current.
    PutBack(Digest),
}
