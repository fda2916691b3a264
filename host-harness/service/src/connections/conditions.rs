//! The conditions under which a published component loads, for a plugin that is not in the configuration file.
//! Tested in `api/src/tests/published_limits.rs`.

use std::{
    num::{NonZeroU64, NonZeroUsize},
    time::Duration,
};

use host_harness::plugin::{LoadPolicy, Wasi};
use serde::{Deserialize, Serialize};

/// Maximum time that a published component may take to start and describe itself. While it does, no other one compiles.
const MAX_DESCRIBE_MS: u64 = 60_000;

/// What a publication sets of the conditions for loading a plugin. Stored with it, with the keys of the configuration
/// file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct LoadConditions {
    /// Maximum size of the component, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<NonZeroUsize>,
    /// How long it may take to start and describe itself, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub describe_ms: Option<NonZeroU64>,
    /// What to do with imports of `wasi:*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wasi: Option<Wasi>,
}

/// A publication asks for more than the service allows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExcessiveCondition {
    /// The maximum size is too large.
    #[error(
        "max-bytes is {found}, more than the {allowed} that the service allows a published component: raise \
         max-published-bytes in [service] and restart it, or add the plugin to the configuration file"
    )]
    Bytes {
        /// The size.
        found: usize,
        /// The largest one that the service allows.
        allowed: usize,
    },
    /// The time is too long.
    #[error("describe-ms is {0}, more than the {MAX_DESCRIBE_MS} that a published component may take")]
    Describe(u64),
}

impl LoadConditions {
    /// Returns whether nothing is set.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Checks that nothing exceeds what a publication may set, `max_bytes` among it.
    pub(super) fn check(&self, max_bytes: usize) -> Result<(), ExcessiveCondition> {
        if let Some(found) = self.max_bytes.map(NonZeroUsize::get).filter(|found| *found > max_bytes) {
            return Err(ExcessiveCondition::Bytes { found, allowed: max_bytes });
        }
        match self.describe_ms.map(NonZeroU64::get).filter(|found| *found > MAX_DESCRIBE_MS) {
            Some(found) => Err(ExcessiveCondition::Describe(found)),
            None => Ok(()),
        }
    }

    /// Returns these conditions, with those of `before` for all that is not set.
    pub(super) fn over(self, before: &Self) -> Self {
        Self {
            max_bytes: self.max_bytes.or(before.max_bytes),
            describe_ms: self.describe_ms.or(before.describe_ms),
            wasi: self.wasi.or(before.wasi),
        }
    }

    /// Returns the policy, with defaults for all that is not set.
    pub(super) fn policy(&self) -> LoadPolicy {
        let usual = LoadPolicy::default();
        LoadPolicy {
            max_bytes: self.max_bytes.map_or(usual.max_bytes, NonZeroUsize::get),
            wasi: self.wasi.unwrap_or(usual.wasi),
            describe: self.describe_ms.map_or(usual.describe, |ms| Duration::from_millis(ms.get())),
        }
    }

    /// Returns what is stored; `None` if nothing is set.
    pub(super) fn written(&self) -> Option<String> {
        // Numbers and words cannot fail to be written.
        (!self.is_empty()).then(|| serde_json::to_string(self).unwrap_or_default())
    }

    /// Reads what is stored.
    pub(super) fn read(written: Option<&str>) -> Result<Self, serde_json::Error> {
        written.map_or_else(|| Ok(Self::default()), serde_json::from_str)
    }
}
