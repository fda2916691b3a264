//! A registry of the tests' own, which does what a test switches on.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test whose stand-in cannot serve must fail"
)]

mod answers;
mod serving;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};
use tokio::task::JoinHandle;

/// The repository that it has.
pub const REPOSITORY: &str = "plugins/iterable";

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Returns the digest of `content`, as registries write it.
fn digest(content: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, content);
    format!("sha256:{}", hex::encode(digest))
}

/// What the registry does beside what the specification says.
#[derive(Default)]
pub struct Switches {
    pub referrers: Referrers,
    pub requires: Requires,
    /// Where requests for blobs are redirected to, followed by the digest.
    pub blobs_at: Option<String>,
    /// Where uploads are sent, instead of to the registry itself.
    pub uploads_at: Option<String>,
    /// The answer to each request whose target ends with the text, instead of the registry's.
    pub instead: BTreeMap<String, Instead>,
    /// Whether pushes are refused with 403.
    pub is_read_only: bool,
}

#[derive(Default)]
pub enum Referrers {
    #[default]
    Listed,
    /// One on each page.
    Paged,
    /// The path is unknown, as in distribution 2.8.
    Unknown,
}

#[derive(Default)]
pub enum Requires {
    #[default]
    Nothing,
    Basic,
    /// A token that is issued at this address.
    Token {
        realm: String,
    },
}

/// An answer of a test.
#[derive(Clone)]
pub enum Instead {
    /// A status, headers and a body.
    Answer(u16, Vec<(&'static str, String)>, Bytes),
    /// A body without its length.
    Unmeasured(Bytes),
    /// None.
    Silence,
    /// The beginning of a body, and no more.
    Half(Bytes),
}

/// A request that was received.
#[derive(Clone, Debug)]
pub struct Received {
    /// The method and the target.
    pub line: String,
    pub authorization: Option<String>,
}

#[derive(Default)]
struct State {
    switches: Mutex<Switches>,
    blobs: Mutex<BTreeMap<String, Bytes>>,
    /// By tag and by digest, with the type.
    manifests: Mutex<BTreeMap<String, (String, Bytes)>>,
    received: Mutex<Vec<Received>>,
    connections: AtomicUsize,
    /// The number of the token that is accepted.
    token: AtomicUsize,
}

/// Listens on its own port of the loopback address until it is dropped.
pub struct RegistryStandIn {
    address: SocketAddr,
    state: Arc<State>,
    task: JoinHandle<()>,
}

impl Drop for RegistryStandIn {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl RegistryStandIn {
    /// The login that it accepts.
    pub const LOGIN: (&'static str, &'static str) = ("ada", "pa:ss");

    pub async fn start() -> Self {
        Self::serving(None).await
    }

    pub async fn with_tls(authority: &crate::Authority) -> Self {
        Self::serving(Some(authority.acceptor("localhost"))).await
    }

    pub fn host(&self) -> String {
        self.address.to_string()
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    pub fn switches(&self) -> MutexGuard<'_, Switches> {
        self.state.switches.lock()
    }

    pub fn has_blob(&self, content: &Bytes) {
        self.state.blobs.lock().insert(digest(content), content.clone());
    }

    /// Serves other bytes by the digest of `content`.
    pub fn has_instead(&self, content: &Bytes, other: &Bytes) {
        self.state.blobs.lock().insert(digest(content), other.clone());
    }

    /// Stores a manifest by its digest, and under `name`.
    pub fn has_manifest(&self, name: &str, kind: &str, content: &Bytes) {
        let stored = (kind.to_owned(), content.clone());
        let mut manifests = self.state.manifests.lock();
        manifests.insert(digest(content), stored.clone());
        manifests.insert(name.to_owned(), stored);
    }

    pub fn forget_manifest(&self, name: &str) {
        self.state.manifests.lock().remove(name);
    }

    pub fn manifest(&self, name: &str) -> Option<(String, Bytes)> {
        self.state.manifests.lock().get(name).cloned()
    }

    /// Accepts the tokens that were issued so far no more.
    pub fn revoke_tokens(&self) {
        self.state.token.fetch_add(1, SeqCst);
    }

    pub fn connections(&self) -> usize {
        self.state.connections.load(SeqCst)
    }

    pub fn received(&self) -> Vec<Received> {
        self.state.received.lock().clone()
    }

    /// The method and the target of each request, without `/v2/` and the repository.
    pub fn lines(&self) -> Vec<String> {
        let own = format!("/v2/{REPOSITORY}/");
        self.received().into_iter().map(|received| received.line.replace(&own, "")).collect()
    }
}
