//! A component in a file, loaded for a command that works without a service.
//! Tested in `src/tests.rs`.

use std::{num::NonZeroUsize, path::Path, sync::Arc};

use clap::Args;

use super::{failure::Failure, session::Session};
use host_harness::{
    compile::Compilation,
    connection::CallLimits,
    engine::{Engine, PoolSize},
    plugin::{LoadError, LoadPolicy, Plugin, Wasi},
};

/// How to load a component's file.
#[derive(Debug, Args)]
pub(super) struct LoadOptions {
    /// Let the file import WASI, as `wasi = "trapped"` does in a configuration.
    #[arg(long)]
    pub(super) wasi_trapped: bool,
    /// Maximum size of the file, as `max-bytes` in a configuration. Compiling takes about a second per MiB
    /// [default: 2097152].
    #[arg(long, value_name = "BYTES")]
    pub(super) max_bytes: Option<NonZeroUsize>,
}

/// A loaded component.
pub(super) struct LoadedComponent {
    pub(super) engine: Arc<Engine>,
    pub(super) plugin: Plugin,
}

/// Limits under which a component is inspected: generous ones, since it is not known yet what a host would allow. The
/// page shows what the component needs.
fn generous() -> CallLimits {
    CallLimits {
        memory_bytes: 1 << 30,
        memories: 4,
        core_instances: 256,
        tables: 256,
        table_elements: 100_000,
        cpu_ms: 10_000,
        ..CallLimits::default()
    }
}

/// Reads a file.
pub(super) fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(file).map_err(|error| Failure::misused(format!("cannot read {}: {error}", file.display())))
}

impl LoadOptions {
    /// Loads `bytes`, which were read from `file`.
    pub(super) async fn load(
        &self,
        session: &Session,
        file: &Path,
        bytes: Vec<u8>,
    ) -> Result<LoadedComponent, Failure> {
        let file = file.display();
        let engine = Engine::new(&PoolSize::of(1).holding(&generous()))
            .map_err(|error| Failure::misused(format!("cannot set up the WebAssembly engine: {error:#}")))?;
        let wasi = if self.wasi_trapped { Wasi::Trapped } else { Wasi::Refused };
        let usual = LoadPolicy::default();
        let max_bytes = self.max_bytes.map_or(usual.max_bytes, NonZeroUsize::get);
        let policy = LoadPolicy { wasi, max_bytes, ..usual };
        let (compiler, cache) = (session.compiling.compiler(), session.compiling.cache());
        let compilation = Compilation { compiler, cache, ..Compilation::default() };
        let engine = Arc::new(engine.compiling(compilation));
        let loading = Plugin::load(&engine, bytes, &policy);
        let plugin =
            session.awaited(&format!("compiling {file}"), loading).await.map_err(|error| match error {
                LoadError::TooLarge { found, .. } => Failure::misused(format!(
                    "{file}: {error}\nnext: run it again with --max-bytes {found} to load it"
                )),
                error => Failure::misused(format!("{file}: {error}")),
            })?;
        Ok(LoadedComponent { engine, plugin })
    }
}
