//! Watches the paths of plugins and has new versions installed. If one is refused, the current version remains in service.
//! Tested in `tests/all/watch.rs`.

use std::{error::Error, io, path::PathBuf, sync::Arc, time::Duration};

use tokio::task::{JoinSet, spawn_blocking};

use super::{
    admission::ReleaseAdmission, fingerprint::ReleaseFingerprint, load_policy::LoadPolicy, slot::Slot,
};
use crate::{clock::Clock, engine::Engine};
use host_model::digest::Digest;

/// The time between two looks at the watched paths.
pub const WATCH_INTERVAL: Duration = Duration::from_secs(1);

/// A plugin that follows the file at a path.
#[derive(Debug)]
pub struct WatchedPlugin {
    /// The plugin's name.
    pub name: String,
    /// The path, which may lead over links.
    pub path: PathBuf,
    /// The conditions under which a new version is loaded.
    pub policy: LoadPolicy,
    /// The slot that a new version is swapped into.
    pub slot: Arc<Slot>,
}

/// Why a new version of a watched plugin was not installed. The running version remains in service.
#[derive(Debug, thiserror::Error)]
pub enum NotInstalled {
    /// The version was refused. It is not tried again before its file changes.
    #[error(transparent)]
    Refused(Box<dyn Error + Send + Sync>),
    /// Something else failed. It is tried again.
    #[error(transparent)]
    Failed(Box<dyn Error + Send + Sync>),
}

impl NotInstalled {
    /// Creates the error for a version that was refused because of `error`.
    pub fn refused(error: impl Error + Send + Sync + 'static) -> Self {
        Self::Refused(Box::new(error))
    }
}

/// Installs new versions of watched plugins.
///
/// [`ReleaseInstaller`] loads each one, and swaps it in if it requests no more permissions. A program that wants more of a
/// version, such as a [proof](crate::conformance::Prover), has an installer of its own.
pub trait Installer: Clone + Send + Sync + 'static {
    /// Loads `component`, the new version of `plugin`, and swaps it into the plugin's slot.
    fn install(
        &self,
        plugin: &WatchedPlugin,
        component: Vec<u8>,
    ) -> impl Future<Output = Result<(), NotInstalled>> + Send;

    /// Notes that the path of `plugin` has the version again that was installed last. Nothing is installed.
    fn restored(&self, _plugin: &WatchedPlugin) -> impl Future<Output = ()> + Send {
        async {}
    }
}

/// Loads versions that are trusted, and swaps them in if they request no more permissions.
#[derive(Clone)]
pub struct ReleaseInstaller {
    /// The engine that compiles them.
    pub engine: Arc<Engine>,
    /// Decides which are trusted.
    pub admission: Arc<ReleaseAdmission>,
    /// The clock for the end of their validity.
    pub clock: Arc<dyn Clock>,
}

impl Installer for ReleaseInstaller {
    async fn install(&self, plugin: &WatchedPlugin, component: Vec<u8>) -> Result<(), NotInstalled> {
        let Self { engine, admission, clock } = self;
        let WatchedPlugin { name, path, policy, slot } = plugin;
        let release = admission.release(name, path, component).await;
        let release = release.map_err(|error| NotInstalled::Failed(Box::new(error)))?;
        let loaded = admission.load(engine, name, release, policy, clock).await;
        slot.replace(loaded.map_err(NotInstalled::refused)?).map(drop).map_err(NotInstalled::refused)
    }
}

/// A watch on the paths of plugins, which ends on drop.
#[derive(Debug)]
pub struct Watch {
    _tasks: JoinSet<()>,
}

/// Watches the paths of `plugins`, and has `installer` install each new version.
///
/// Paths are looked at, not their folders: notifications would miss a folder that is replaced, and arrive for every file
/// beside the plugin. A file is read once it and its bundle are the same at two looks, since one may have been found
/// half-written, or may arrive after the other. Each
/// path has a task of its own, so that a file system that does not answer, or a long compilation, delays no other.
pub fn watch(plugins: Vec<WatchedPlugin>, installer: &impl Installer, clock: &Arc<dyn Clock>) -> Watch {
    let follow = |plugin| {
        let (mut watched, installer, clock) = (Watched::of(plugin), installer.clone(), Arc::clone(clock));
        async move {
            loop {
                watched.look(&installer).await;
                clock.sleep_until(clock.now() + WATCH_INTERVAL).await;
            }
        }
    };
    Watch { _tasks: plugins.into_iter().map(follow).collect() }
}

struct Watched {
    plugin: WatchedPlugin,
    state: FileState,
    /// The version that was installed last. It is not installed again, so that one that was rolled back does not return
    /// by itself.
    installed: Digest,
}

/// What the last look found.
enum FileState {
    /// It has not been looked at.
    Unknown,
    /// There is no file, which has been logged.
    Gone,
    /// It differs from the previous look.
    Changed(ReleaseFingerprint),
    /// It could not be read or installed, which has been logged. It is tried again.
    Failed(ReleaseFingerprint),
    /// It has been installed or refused. It is not read again before it changes.
    Read(ReleaseFingerprint),
}

impl Watched {
    fn of(plugin: WatchedPlugin) -> Self {
        let installed = plugin.slot.current().plugin().digest();
        Self { plugin, state: FileState::Unknown, installed }
    }

    async fn look(&mut self, installer: &impl Installer) {
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
            FileState::Changed(before) | FileState::Failed(before) if *before == found => {
                self.install(installer, found).await;
            }
            state => {
                if matches!(state, FileState::Gone) {
                    tracing::info!(%file, "plugin file is back");
                }
                self.state = FileState::Changed(found);
            }
        }
    }

    /// Reads the file, and has it installed if it is another version.
    async fn install(&mut self, installer: &impl Installer, found: ReleaseFingerprint) {
        let WatchedPlugin { path, policy, .. } = &self.plugin;
        let file = path.display();
        let failed_before = matches!(self.state, FileState::Failed(_));
        if let Err(error) = policy.check_size(found.component_size()) {
            tracing::warn!(%file, %error, "plugin not swapped");
            self.state = FileState::Read(found);
            return;
        }
        let bytes = match tokio::fs::read(path).await {
            Ok(bytes) => bytes,
            Err(error) => {
                if !failed_before {
                    tracing::warn!(%file, %error, "plugin file cannot be read; the running version remains in service");
                }
                self.state = FileState::Failed(found);
                return;
            }
        };
        tracing::debug!(%file, "plugin file read");
        if self.fingerprint().await.ok().as_ref() != Some(&found) {
            // Written or replaced while it was read.
            self.state = FileState::Changed(found);
            return;
        }
        let digest = Digest::of(&bytes);
        if digest == self.installed {
            installer.restored(&self.plugin).await;
            self.state = FileState::Read(found);
            return;
        }
        self.state = match installer.install(&self.plugin, bytes).await {
            Ok(()) => {
                self.installed = digest;
                tracing::info!(%file, %digest, "plugin swapped");
                FileState::Read(found)
            }
            Err(error @ NotInstalled::Refused(_)) => {
                tracing::warn!(%file, %error, "plugin not swapped");
                FileState::Read(found)
            }
            Err(error @ NotInstalled::Failed(_)) => {
                if !failed_before {
                    tracing::warn!(%file, %error, "plugin not swapped; it is tried again");
                }
                FileState::Failed(found)
            }
        };
    }

    /// Looks at the file on another thread: a network's file system may take long.
    async fn fingerprint(&self) -> io::Result<ReleaseFingerprint> {
        let path = self.plugin.path.clone();
        spawn_blocking(move || ReleaseFingerprint::of(&path)).await?
    }
}
