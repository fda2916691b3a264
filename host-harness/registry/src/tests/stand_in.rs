//! A registry of the tests' own, which does what a test switches on.

mod answers;
mod serving;
mod tls;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use bytes::Bytes;
use host_model::digest::Digest;
use parking_lot::{Mutex, MutexGuard};
use tokio::task::JoinHandle;

pub(super) use tls::Authority;

/// What the registry does beside what the specification says.
#[derive(Default)]
pub(super) struct Switches {
    pub(super) referrers: Referrers,
    pub(super) requires: Requires,
    /// Where requests for blobs are redirected to, followed by the digest.
    pub(super) blobs_at: Option<String>,
    /// Where uploads are sent, instead of to the registry itself.
    pub(super) uploads_at: Option<String>,
    /// The answer to each request whose target ends with the text, instead of the registry's.
    pub(super) instead: BTreeMap<String, Instead>,
    /// Whether pushes are refused with 403.
    pub(super) is_read_only: bool,
}

#[derive(Default)]
pub(super) enum Referrers {
    #[default]
    Listed,
    /// One on each page.
    Paged,
    /// The path is unknown, as in distribution 2.8.
    Unknown,
}

#[derive(Default)]
pub(super) enum Requires {
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
pub(super) enum Instead {
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
pub(super) struct Received {
    /// The method and the target.
    pub(super) line: String,
    pub(super) authorization: Option<String>,
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
pub(super) struct StandIn {
    address: SocketAddr,
    state: Arc<State>,
    task: JoinHandle<()>,
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl StandIn {
    /// The login that it accepts.
    pub(super) const LOGIN: (&'static str, &'static str) = ("ada", "pa:ss");

    pub(super) async fn start() -> Self {
        Self::serving(None).await
    }

    pub(super) async fn with_tls(authority: &Authority) -> Self {
        Self::serving(Some(authority.acceptor("localhost"))).await
    }

    pub(super) fn host(&self) -> String {
        self.address.to_string()
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(super) fn switches(&self) -> MutexGuard<'_, Switches> {
        self.state.switches.lock()
    }

    pub(super) fn has_blob(&self, content: &Bytes) {
        self.state.blobs.lock().insert(Digest::of(content).to_string(), content.clone());
    }

    /// Serves other bytes by the digest of `content`.
    pub(super) fn has_instead(&self, content: &Bytes, other: &Bytes) {
        self.state.blobs.lock().insert(Digest::of(content).to_string(), other.clone());
    }

    /// Stores a manifest by its digest, and under `name`.
    pub(super) fn has_manifest(&self, name: &str, kind: &str, content: &Bytes) {
        let stored = (kind.to_owned(), content.clone());
        let mut manifests = self.state.manifests.lock();
        manifests.insert(Digest::of(content).to_string(), stored.clone());
        manifests.insert(name.to_owned(), stored);
    }

    pub(super) fn forget_manifest(&self, name: &str) {
        self.state.manifests.lock().remove(name);
    }

    pub(super) fn manifest(&self, name: &str) -> Option<(String, Bytes)> {
        self.state.manifests.lock().get(name).cloned()
    }

    /// Accepts the tokens that were issued so far no more.
    pub(super) fn revoke_tokens(&self) {
        self.state.token.fetch_add(1, SeqCst);
    }

    pub(super) fn connections(&self) -> usize {
        self.state.connections.load(SeqCst)
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.state.received.lock().clone()
    }

    /// The method and the target of each request, without `/v2/` and the repository.
    pub(super) fn lines(&self) -> Vec<String> {
        let own = format!("/v2/{}/", super::REPOSITORY);
        self.received().into_iter().map(|received| received.line.replace(&own, "")).collect()
    }
}
