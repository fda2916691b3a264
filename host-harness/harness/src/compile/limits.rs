//! The limits of a process that compiles.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::connection::{MAX_DEADLINE, above_zero};

/// The limits of a process that compiles one component: the section `[compile]` of the configuration. Each is above 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct CompileLimits {
    /// Address space in bytes. 2 GiB: a JavaScript runtime of 12 MB takes less than half of it.
    #[serde(deserialize_with = "above_zero")]
    pub memory_bytes: u64,
    /// Computing time of all threads together, in seconds. 120: a JavaScript runtime takes 13, or 31 if the host is a
    /// debug build.
    #[serde(deserialize_with = "above_zero")]
    pub cpu_seconds: u64,
    /// Time from start to end in seconds, at most one day. 600: a machine under load takes longer than it computes.
    #[serde(deserialize_with = "above_zero")]
    pub wall_seconds: u64,
    /// Size of the compiled code in bytes. 256 MiB: seven times that of a JavaScript runtime.
    #[serde(deserialize_with = "above_zero")]
    pub output_bytes: u64,
}

impl Default for CompileLimits {
    fn default() -> Self {
        Self { memory_bytes: 2 << 30, cpu_seconds: 120, wall_seconds: 600, output_bytes: 256 << 20 }
    }
}

impl CompileLimits {
    pub(super) fn wall_clock(&self) -> Duration {
        Duration::from_secs(self.wall_seconds).min(MAX_DEADLINE)
    }

    /// Lowers the priority of this process, and sets those limits on it that the operating system enforces. Limits that
    /// are lower already stay. A core dump would contain the component.
    #[cfg(unix)]
    pub(super) fn apply(&self) -> std::io::Result<()> {
        use rustix::process::{Resource, Rlimit, getrlimit, nice, setrlimit};

        // Calls have more of the CPU. Lower still, and a machine under load would hardly compile at all.
        nice(5)?;
        for (resource, limit, margin) in [
            (Resource::As, self.memory_bytes, 0),
            // At the first limit, the signal shows the parent which one it was.
            (Resource::Cpu, self.cpu_seconds, 2),
            // It writes to pipes only.
            (Resource::Fsize, 0, 0),
            (Resource::Core, 0, 0),
        ] {
            let highest = getrlimit(resource).maximum.unwrap_or(u64::MAX);
            let current = Some(limit.min(highest));
            let maximum = Some(limit.saturating_add(margin).min(highest));
            setrlimit(resource, Rlimit { current, maximum })?;
        }
        Ok(())
    }

    /// Does nothing: only the parent's limits hold on this system.
    #[cfg(not(unix))]
    pub(super) fn apply(&self) -> std::io::Result<()> {
        Ok(())
    }
}
