//! On which conditions a component is loaded.

use std::time::Duration;

/// What to do with imports of `wasi:*`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wasi {
    /// Refuse the plugin.
    #[default]
    Refused,
    /// Load it; a call that uses one of them traps. For toolchains that cannot leave WASI out.
    Trapped,
}

/// The operator's conditions for a plugin.
#[derive(Clone, Copy, Debug)]
pub struct LoadPolicy {
    /// The largest component. Compiling takes about a second a MiB, and bounds nothing by itself.
    pub max_bytes: usize,
    /// What to do with imports of `wasi:*`.
    pub wasi: Wasi,
    /// How long it may take to start and describe itself. It asks nobody, so a machine under load is all that it waits for.
    pub describe: Duration,
}

impl Default for LoadPolicy {
    fn default() -> Self {
        Self { max_bytes: 2 << 20, wasi: Wasi::Refused, describe: Duration::from_secs(10) }
    }
}
