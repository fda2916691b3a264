//! The conditions for loading a component.
//! Tested in `tests/all/load`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::load_error::LoadError;

/// What to do with imports of `wasi:*`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wasi {
    /// Refuse the plugin.
    #[default]
    Refused,
    /// Load the plugin; a call that uses one of the imports traps. For toolchains that cannot leave WASI out.
    Trapped,
}

/// The operator's conditions for a plugin.
#[derive(Clone, Copy, Debug)]
pub struct LoadPolicy {
    /// Maximum size of a component, in bytes. Compiling takes about a second per MiB.
    pub max_bytes: usize,
    /// What to do with imports of `wasi:*`.
    pub wasi: Wasi,
    /// How long it may take to start and describe itself. It has no access to anything, so only a machine under load
    /// delays it.
    pub describe: Duration,
}

impl Default for LoadPolicy {
    fn default() -> Self {
        Self { max_bytes: 2 << 20, wasi: Wasi::Refused, describe: Duration::from_secs(10) }
    }
}

impl LoadPolicy {
    /// Checks the size of a component, in bytes.
    pub fn check_size(&self, found: usize) -> Result<(), LoadError> {
        let allowed = self.max_bytes;
        if found > allowed { Err(LoadError::TooLarge { found, allowed }) } else { Ok(()) }
    }
}
