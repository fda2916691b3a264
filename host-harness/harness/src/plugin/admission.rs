//! Whether components from outside may load: the one place that they pass on their way in.
//! Tested in `tests/all/trust.rs`.

use std::{collections::BTreeMap, io, path::Path, sync::Arc};

use arc_swap::ArcSwap;
use host_model::{digest::Digest, time::milliseconds};
use host_trust::{Arrival, HighWaterMark, MAX_BUNDLE_BYTES, Refusal, Signed, Trust, bundle_file};
use parking_lot::Mutex;
use tokio::io::AsyncReadExt as _;

use super::{load_error::LoadError, load_policy::LoadPolicy, loaded::Plugin};
use crate::{clock::Clock, engine::Engine};

/// What is trusted for each plugin, by the plugin's name. A plugin without an entry needs no signature.
pub type TrustByPlugin = BTreeMap<String, Trust>;

/// A component from outside, with the bundle that came with it.
#[derive(Clone, Debug)]
pub struct Release {
    /// The component.
    pub component: Vec<u8>,
    /// The text of its bundle; `None` if it came without one.
    pub bundle: Option<Vec<u8>>,
}

impl Release {
    /// Returns `component`, which was read from `file`, with the bundle beside that file.
    pub async fn with_bundle_beside(file: &Path, component: Vec<u8>) -> io::Result<Self> {
        Ok(Self { component, bundle: read_bundle(&bundle_file(file)).await? })
    }
}

/// Without a bundle.
impl From<Vec<u8>> for Release {
    fn from(component: Vec<u8>) -> Self {
        Self { component, bundle: None }
    }
}

/// What is known of a plugin's earlier releases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KnownReleases {
    /// The version that served last, which a start loads again even if its signature is not trusted.
    pub serving: Option<Digest>,
    /// The newest revision that was admitted.
    pub mark: KnownMark,
}

/// What is known of the newest revision of a plugin that was admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnownMark {
    /// The revision; `None` if none was admitted.
    Admitted(Option<HighWaterMark>),
    /// Its record cannot be relied on, so that nothing is admitted.
    Unknown,
}

impl Default for KnownMark {
    fn default() -> Self {
        Self::Admitted(None)
    }
}

impl KnownMark {
    /// Returns how a release arrives from outside after it.
    pub fn arrival(self) -> Arrival {
        match self {
            Self::Admitted(mark) => Arrival::FromOutside(mark),
            Self::Unknown => Arrival::AfterUnknown,
        }
    }
}

/// Decides whether components from outside may load. What it knows of earlier releases is in memory: a program that stores
/// them passes them to the host's builder.
#[derive(Debug, Default)]
pub struct ReleaseAdmission {
    trust: ArcSwap<TrustByPlugin>,
    known: Mutex<BTreeMap<String, KnownReleases>>,
}

impl ReleaseAdmission {
    /// Creates it with what is trusted, and what is known of each plugin's earlier releases.
    pub fn new(trust: TrustByPlugin, known: BTreeMap<String, KnownReleases>) -> Self {
        Self { trust: ArcSwap::from_pointee(trust), known: Mutex::new(known) }
    }

    /// Returns what is trusted for a plugin; `None` if it needs no signature.
    pub fn trust_for(&self, plugin: &str) -> Option<Trust> {
        self.trust.load().get(plugin).cloned()
    }

    /// Returns what is trusted for each plugin.
    pub fn trust(&self) -> Arc<TrustByPlugin> {
        self.trust.load_full()
    }

    /// Trusts `trust` from now on. What is loaded stays loaded.
    pub fn set_trust(&self, trust: TrustByPlugin) {
        self.trust.store(Arc::new(trust));
    }

    /// Returns the component that was read from `file` with the bundle beside that file, which is read only if the plugin
    /// needs one.
    pub async fn release(&self, plugin: &str, file: &Path, component: Vec<u8>) -> io::Result<Release> {
        if self.trust.load().contains_key(plugin) {
            return Release::with_bundle_beside(file, component).await;
        }
        Ok(component.into())
    }

    /// Checks who signed `release`, loads it, and checks that it is what was signed.
    pub(crate) async fn load(
        &self,
        engine: &Arc<Engine>,
        plugin: &str,
        release: Release,
        policy: &LoadPolicy,
        clock: &Arc<dyn Clock>,
    ) -> Result<Plugin, LoadError> {
        policy.check_size(release.component.len())?;
        let signed = self.verified(plugin, &release, clock)?;
        let loaded = Plugin::load(engine, release.component, policy).await?.signed_as(signed)?;
        self.raise_mark(plugin, &loaded);
        Ok(loaded)
    }

    /// Does the same at a start, but loads the version that served last even if its signature is not trusted.
    pub(crate) async fn load_at_start(
        &self,
        engine: &Arc<Engine>,
        plugin: &str,
        release: Release,
        policy: &LoadPolicy,
        clock: &Arc<dyn Clock>,
    ) -> Result<Plugin, LoadError> {
        policy.check_size(release.component.len())?;
        let serving = self.known(plugin).serving.filter(|serving| *serving == Digest::of(&release.component));
        let Some(serving) = serving else { return self.load(engine, plugin, release, policy, clock).await };
        let now = milliseconds(clock.date());
        let verify = |trust: Trust| {
            trust.verify(&release.component, release.bundle.as_deref(), Arrival::PutBack(serving), now)
        };
        let signed = self.trust_for(plugin).and_then(|trust| verify(trust).ok());
        let loaded = Plugin::load(engine, release.component, policy).await?;
        Ok(loaded.with_signature(signed))
    }

    fn verified(
        &self,
        plugin: &str,
        Release { component, bundle }: &Release,
        clock: &Arc<dyn Clock>,
    ) -> Result<Option<Signed>, Refusal> {
        let Some(trust) = self.trust_for(plugin) else { return Ok(None) };
        let arrival = self.known(plugin).mark.arrival();
        trust.verify(component, bundle.as_deref(), arrival, milliseconds(clock.date())).map(Some)
    }

    fn known(&self, plugin: &str) -> KnownReleases {
        self.known.lock().get(plugin).copied().unwrap_or_default()
    }

    fn raise_mark(&self, plugin: &str, loaded: &Plugin) {
        let Some(signed) = loaded.signed() else { return };
        let mut known = self.known.lock();
        let known = known.entry(plugin.to_owned()).or_default();
        if let KnownMark::Admitted(mark) = &mut known.mark {
            *mark = signed.mark_after(*mark);
        }
    }
}

/// Reads a bundle; `None` if there is no such file. Reads one byte more than a bundle may have, which a check then refuses.
async fn read_bundle(file: &Path) -> io::Result<Option<Vec<u8>>> {
    match tokio::fs::metadata(file).await {
        // Reading a pipe could wait forever.
        Ok(found) if !found.is_file() => return Err(io::Error::other("not a regular file")),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut bundle = Vec::new();
    tokio::fs::File::open(file).await?.take(MAX_BUNDLE_BYTES as u64 + 1).read_to_end(&mut bundle).await?;
    Ok(Some(bundle))
}
