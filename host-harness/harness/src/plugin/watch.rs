//! Watches a plugin's file and swaps in new versions. If one does not load, the current version remains in service.
//! Tested in `tests/all/swap.rs`.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;

use super::{load_policy::LoadPolicy, loaded::Plugin, slot::Slot};
use crate::engine::Engine;
use host_model::digest::Digest;

/// The file cannot be watched.
#[derive(Debug, thiserror::Error)]
#[error("cannot watch {path} for a new version: {cause}")]
pub struct WatchError {
    path: PathBuf,
    cause: notify::Error,
}

/// A watch on a file, which ends on drop.
#[derive(Debug)]
pub struct FileWatch {
    _watcher: RecommendedWatcher,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for FileWatch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Watches `file`, and swaps each new version that loads and requests no more permissions into `slot`.
pub fn watch(
    file: &Path,
    engine: Arc<Engine>,
    policy: LoadPolicy,
    slot: Arc<Slot>,
) -> Result<FileWatch, WatchError> {
    let failed = |cause| WatchError { path: file.to_owned(), cause };
    // One notification is enough: the receiver reads the file as it is at that time.
    let (note, mut notes) = mpsc::channel(1);
    let again = note.clone();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| !event.kind.is_access()) {
            let _already_noted = note.try_send(());
        }
    })
    .map_err(failed)?;
    // Watch the folder, not the file: a new version is usually moved into place, and a watch on the old file would miss
    // it.
    let folder = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    watcher.watch(folder, RecursiveMode::NonRecursive).map_err(failed)?;
    // The file may have changed since it was loaded.
    let _noted = again.try_send(());
    let path = file.to_owned();
    let task = tokio::spawn(async move {
        // Each version is loaded only once, so that one that was rolled back does not return by itself.
        let mut seen = slot.current().plugin().digest();
        while notes.recv().await.is_some() {
            load_changed(&path, &engine, &policy, &slot, &mut seen).await;
        }
    });
    Ok(FileWatch { _watcher: watcher, task })
}

async fn load_changed(
    path: &Path,
    engine: &Arc<Engine>,
    policy: &LoadPolicy,
    slot: &Slot,
    seen: &mut Digest,
) {
    let file = path.display();
    let Ok(bytes) = tokio::fs::read(path).await else {
        tracing::debug!(%file, "plugin file cannot be read");
        return;
    };
    let digest = Digest(Sha256::digest(&bytes).into());
    if *seen == digest {
        return;
    }
    // A file that does not load may be incomplete, and is read again on the next notification.
    let plugin = match Plugin::load(engine, bytes, policy).await {
        Ok(plugin) => plugin,
        Err(error) => {
            tracing::warn!(%file, %error, "plugin not swapped");
            return;
        }
    };
    *seen = digest;
    match slot.replace(plugin) {
        Ok(digest) => tracing::info!(%file, %digest, "plugin swapped"),
        Err(error) => tracing::warn!(%file, %error, "plugin not swapped"),
    }
}
