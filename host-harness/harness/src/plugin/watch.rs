//! Watches the paths of plugins and swaps in new versions. If one does not load, the current version remains in service.
//! Tested in `tests/all/watch.rs`.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use tokio::task::{JoinSet, spawn_blocking};

use super::{fingerprint::Fingerprint, load_policy::LoadPolicy, loaded::Plugin, slot::Slot};
use crate::{clock::Clock, engine::Engine};
use host_model::digest::Digest;

/// The time between two looks at the watched paths.
pub const WATCH_INTERVAL: Duration = Duration::from_secs(1);

/// A plugin that follows the file at a path.
#[derive(Debug)]
pub struct WatchedPlugin {
    /// The path, which may lead over links.
    pub path: PathBuf,
    /// The conditions under which a new version is loaded.
    pub policy: LoadPolicy,
    /// The slot that a new version is swapped into.
    pub slot: Arc<Slot>,
}

/// A watch on the paths of plugins, which ends on drop.
#[derive(Debug)]
pub struct Watch {
    _tasks: JoinSet<()>,
}

/// Watches the paths of `plugins`, and swaps each new version that loads and requests no more permissions into its slot.
///
/// Paths are looked at, not their folders: notifications would miss a folder that is replaced, and arrive for every file
/// beside the plugin. A file is read once it is the same at two looks, since it may have been found half-written. Each
/// path has a task of its own, so that a file system that does not answer, or a long compilation, delays no other.
pub fn watch(plugins: Vec<WatchedPlugin>, engine: &Arc<Engine>, clock: &Arc<dyn Clock>) -> Watch {
    let follow = |plugin| {
        let (mut watched, engine, clock) = (Watched::of(plugin), Arc::clone(engine), Arc::clone(clock));
        async move {
            loop {
                watched.look(&engine).await;
                clock.sleep_until(clock.now() + WATCH_INTERVAL).await;
            }
        }
    };
    Watch { _tasks: plugins.into_iter().map(follow).collect() }
}

struct Watched {
    plugin: WatchedPlugin,
    state: FileState,
    /// The version that was loaded last. It is not loaded again, so that one that was rolled back does not return by
    /// itself.
    loaded: Digest,
}

/// What the last look found.
enum FileState {
    /// It has not been looked at.
    Unknown,
    /// There is no file, which has been logged.
    Gone,
    /// It differs from the previous look.
    Changed(Fingerprint),
    /// It could not be read, which has been logged. It is tried again.
    Unreadable(Fingerprint),
    /// It has been loaded or refused. It is not read again before it changes.
    Read(Fingerprint),
}

impl Watched {
    fn of(plugin: WatchedPlugin) -> Self {
        let loaded = plugin.slot.current().plugin().digest();
        Self { plugin, state: FileState::Unknown, loaded }
    }

    async fn look(&mut self, engine: &Arc<Engine>) {
        let file = self.plugin.path.display();
        tracing::trace!(%file, "plugin path looked at");
        let found = match self.fingerprint().await {
            Ok(found) => found,
            Err(error) => {
                if !matches!(self.state, FileState::Gone) {
                    tracing::warn!(%file, %error, "plugin file is gone; the running version remains in service");
                }
                self.state = FileState::Gone;
                return;
            }
        };
        match &self.state {
            FileState::Read(before) if *before == found => {}
            FileState::Changed(before) | FileState::Unreadable(before) if *before == found => {
                self.load(engine, found).await;
            }
            state => {
                if matches!(state, FileState::Gone) {
                    tracing::info!(%file, "plugin file is back");
                }
                self.state = FileState::Changed(found);
            }
        }
    }

    /// Reads the file and loads it if it is another version.
    async fn load(&mut self, engine: &Arc<Engine>, found: Fingerprint) {
        let WatchedPlugin { path, policy, slot } = &self.plugin;
        let file = path.display();
        if let Err(error) = policy.check_size(found.size()) {
            tracing::warn!(%file, %error, "plugin not swapped");
            self.state = FileState::Read(found);
            return;
        }
        let bytes = match tokio::fs::read(path).await {
            Ok(bytes) => bytes,
            Err(error) => {
                if !matches!(self.state, FileState::Unreadable(_)) {
                    tracing::warn!(%file, %error, "plugin file cannot be read; the running version remains in service");
                }
                self.state = FileState::Unreadable(found);
                return;
            }
        };
        tracing::debug!(%file, "plugin file read");
        if self.fingerprint().await.ok().as_ref() != Some(&found) {
            // Written or replaced while it was read.
            self.state = FileState::Changed(found);
            return;
        }
        self.state = FileState::Read(found);
        if Digest::of(&bytes) == self.loaded {
            return;
        }
        let plugin = match Plugin::load(engine, bytes, policy).await {
            Ok(plugin) => plugin,
            Err(error) => {
                tracing::warn!(%file, %error, "plugin not swapped");
                return;
            }
        };
        match slot.replace(plugin) {
            Ok(digest) => {
                self.loaded = digest;
                tracing::info!(%file, %digest, "plugin swapped");
            }
            Err(error) => tracing::warn!(%file, %error, "plugin not swapped"),
        }
    }

    /// Looks at the file on another thread: a network's file system may take long.
    async fn fingerprint(&self) -> io::Result<Fingerprint> {
        let path = self.plugin.path.clone();
        spawn_blocking(move || Fingerprint::of(&path)).await?
    }
}
