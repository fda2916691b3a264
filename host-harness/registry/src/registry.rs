//! The client of one registry, and the requests that pulling and pushing share.

use std::{collections::HashMap, future::Future};

use bytes::Bytes;
use host_model::digest::Digest;
use http::{HeaderName, HeaderValue, Method, StatusCode, header::ACCEPT};
use parking_lot::Mutex;
use strum::Display;
use tokio::time::timeout;
use url::Url;

use crate::{
    access::RegistryAccess,
    error::{RegistryError, RegistryPart},
    layout::{Blob, INDEX, MANIFEST, MAX_MANIFEST_BYTES},
    reference::{PluginReference, address},
    wire::{Authorization, ReadBound, Reply, Wire, WireRequest, host},
};

/// The digest of what a registry answers with.
pub(crate) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// A client of one registry.
pub struct Registry {
    pub(crate) access: RegistryAccess,
    /// The host at which the registry is reached.
    pub(crate) address: String,
    pub(crate) base: Url,
    pub(crate) wire: Wire,
    /// What authorises the scopes that were used; a registry that no longer accepts it is asked for another.
    authorizations: Mutex<HashMap<String, Authorization>>,
}

/// What requests may do in a repository.
#[derive(Clone, Copy)]
pub(crate) struct RepositoryScope<'a> {
    pub(crate) repository: &'a str,
    pub(crate) action: ScopeAction,
}

/// What is done in a repository, as a token's scope names it.
#[derive(Clone, Copy, Display)]
pub(crate) enum ScopeAction {
    #[strum(to_string = "pull")]
    Pull,
    #[strum(to_string = "pull,push")]
    Push,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Registry({})", self.access.host)
    }
}

impl std::fmt::Display for RepositoryScope<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "repository:{}:{}", self.repository, self.action)
    }
}

impl Registry {
    /// Creates a client. Nothing is sent before the first pull or push.
    pub fn new(access: RegistryAccess) -> Result<Self, RegistryError> {
        let wire = Wire::new(&access)?;
        let not_a_host = || RegistryError::NotAHost { host: access.host.clone() };
        let address = address(&access.host).ok_or_else(not_a_host)?;
        let base = Url::parse(&format!("{}://{address}", wire.scheme())).map_err(|_| not_a_host())?;
        Ok(Self { access, address, base, wire, authorizations: Mutex::default() })
    }

    /// Checks that `reference` is to this registry.
    pub(crate) fn check(&self, reference: &PluginReference) -> Result<(), RegistryError> {
        if reference.registry() == self.access.host {
            return Ok(());
        }
        Err(RegistryError::OtherRegistry { host: reference.registry().to_owned() })
    }

    /// Ends `work` after the time that a pull or a push may take.
    pub(crate) async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, RegistryError>>,
    ) -> Result<T, RegistryError> {
        let timed_out = || RegistryError::TimedOut { host: self.access.host.clone() };
        timeout(self.access.deadlines.total, work).await.unwrap_or_else(|_| Err(timed_out()))
    }

    /// Returns the URL of `parts` in a repository.
    pub(crate) fn url(&self, repository: &str, parts: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.push("v2").extend(repository.split('/')).extend(parts);
        }
        url
    }

    /// Sends `request`, with other credentials if the registry refuses it without or with those that were used before.
    pub(crate) async fn reply(
        &self,
        scope: RepositoryScope<'_>,
        request: WireRequest,
        bound: ReadBound,
    ) -> Result<Reply, RegistryError> {
        let known = self.authorizations.lock().get(&scope.to_string()).cloned();
        let reply = self.wire.reply(&request, known.as_ref(), bound).await?;
        if !self.is_refusal(&reply) {
            return Ok(reply);
        }
        let refused = || RegistryError::CredentialsRefused { host: host(&reply.from) };
        if reply.status == StatusCode::FORBIDDEN {
            return Err(refused());
        }
        let authorization = self.authorize(&reply.headers, scope).await?;
        let again = self.wire.reply(&request, Some(&authorization), bound).await?;
        if self.is_refusal(&again) {
            self.authorizations.lock().remove(&scope.to_string());
            return Err(refused());
        }
        self.authorizations.lock().insert(scope.to_string(), authorization);
        Ok(again)
    }

    /// Whether the registry itself refuses the credentials: its storage knows none.
    fn is_refusal(&self, reply: &Reply) -> bool {
        let is_refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&reply.status);
        is_refused && reply.from.origin() == self.base.origin()
    }

    /// Returns the bytes of a manifest with their digest, which is `expected` if that is given.
    pub(crate) async fn manifest(
        &self,
        scope: RepositoryScope<'_>,
        name: &str,
        expected: Option<Digest>,
    ) -> Result<(Bytes, Digest), RegistryError> {
        let part = RegistryPart::Manifest;
        let mut request = WireRequest::new(Method::GET, self.url(scope.repository, &["manifests", name]));
        // Lists are accepted so that one is reported as what it is.
        for kind in [MANIFEST, INDEX] {
            request.headers.append(ACCEPT, HeaderValue::from_static(kind));
        }
        let reply = self.reply(scope, request, ReadBound { part, max_bytes: MAX_MANIFEST_BYTES }).await?;
        let reply = reply.with_status(StatusCode::OK, part)?;
        let found = Digest::of(&reply.body);
        let named = reply.headers.get(CONTENT_DIGEST).and_then(|named| named.to_str().ok()?.parse().ok());
        for expected in [expected, named].into_iter().flatten() {
            checked(part, expected, found)?;
        }
        Ok((reply.body, found))
    }

    /// Returns the bytes of a blob, which are those that a manifest names.
    pub(crate) async fn blob(&self, scope: RepositoryScope<'_>, blob: Blob) -> Result<Bytes, RegistryError> {
        let Blob { part, digest, bytes } = blob;
        let url = self.url(scope.repository, &["blobs", &digest.to_string()]);
        let reply = self
            .reply(scope, WireRequest::new(Method::GET, url), ReadBound { part, max_bytes: bytes })
            .await?;
        let reply = reply.with_status(StatusCode::OK, part)?;
        checked(part, digest, Digest::of(&reply.body))?;
        Ok(reply.body)
    }
}

/// Checks the digest of what was read.
pub(crate) fn checked(part: RegistryPart, expected: Digest, found: Digest) -> Result<(), RegistryError> {
    if expected == found { Ok(()) } else { Err(RegistryError::DigestDiffers { part, expected, found }) }
}
