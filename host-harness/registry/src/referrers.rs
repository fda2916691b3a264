//! What refers to a plugin.

use bytes::Bytes;
use host_model::digest::Digest;
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{ACCEPT, CONTENT_TYPE, LINK},
};
use oci_spec::image::ImageIndex;
use url::Url;

use crate::{
    error::{RegistryError, RegistryPart},
    layout::{self, INDEX, MAX_BUNDLES, MAX_MANIFEST_BYTES, MAX_REFERRERS, fallback_tag},
    registry::{Registry, RepositoryScope},
    wire::{ReadBound, Reply, WireRequest, host},
};

/// The maximum number of pages of a list of referrers: with [`MAX_REFERRERS`], most would be empty.
const MAX_PAGES: usize = 10;

impl Registry {
    /// Returns the first [`MAX_BUNDLES`] bundles that refer to `subject`. Those that are too large or not identified by a SHA-256 are
    /// left out: each client that may push can attach them, which must not hide the publisher's.
    pub(crate) async fn bundles(
        &self,
        scope: RepositoryScope<'_>,
        subject: Digest,
    ) -> Result<Vec<Bytes>, RegistryError> {
        let mut bundles = Vec::new();
        for referrer in self.referrers(scope, subject).await? {
            // A list that is kept under a tag may name what was deleted since.
            let manifest = match self.manifest(scope, &referrer.to_string(), Some(referrer)).await {
                Err(RegistryError::NotFound { .. }) => continue,
                manifest => manifest?.0,
            };
            for bundle in layout::bundles(&manifest, subject) {
                if bundles.len() == MAX_BUNDLES {
                    return Ok(bundles);
                }
                bundles.push(self.blob(scope, bundle).await?);
            }
        }
        Ok(bundles)
    }

    /// Returns what refers to `subject`, whatever it is: registries fill in the types of a list differently.
    async fn referrers(
        &self,
        scope: RepositoryScope<'_>,
        subject: Digest,
    ) -> Result<Vec<Digest>, RegistryError> {
        let mut found = Vec::new();
        let mut next = Some(self.url(scope.repository, &["referrers", &subject.to_string()]));
        for page in 0..MAX_PAGES {
            let Some(url) = next else { break };
            let reply = self.list(scope, url).await?;
            if page == 0 && !lists(&reply) {
                return match self.fallback(scope, subject).await? {
                    Some(reply) => digests(&reply),
                    None => Ok(Vec::new()),
                };
            }
            let reply = reply.with_status(StatusCode::OK, RegistryPart::Referrers)?;
            found.extend(digests(&reply)?);
            next = following(&reply.headers, &reply.from);
        }
        if next.is_some() || found.len() > MAX_REFERRERS {
            return Err(RegistryError::TooMany { part: RegistryPart::Referrer, max: MAX_REFERRERS });
        }
        Ok(found)
    }

    /// Returns the list that is kept under a tag; `None` if there is none.
    pub(crate) async fn fallback(
        &self,
        scope: RepositoryScope<'_>,
        subject: Digest,
    ) -> Result<Option<Reply>, RegistryError> {
        let url = self.url(scope.repository, &["manifests", &fallback_tag(subject)]);
        let reply = self.list(scope, url).await?;
        if reply.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        reply.with_status(StatusCode::OK, RegistryPart::Referrers).map(Some)
    }

    async fn list(&self, scope: RepositoryScope<'_>, url: Url) -> Result<Reply, RegistryError> {
        let mut request = WireRequest::new(Method::GET, url);
        request.headers.insert(ACCEPT, HeaderValue::from_static(INDEX));
        let bound = ReadBound { part: RegistryPart::Referrers, max_bytes: MAX_MANIFEST_BYTES };
        self.reply(scope, request, bound).await
    }
}

/// Whether the registry lists referrers. Those that do not know the path answer with 404 by the specification, or with 400, 405,
/// 406 or a page of their own.
fn lists(reply: &Reply) -> bool {
    let is_index = reply
        .headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.starts_with(INDEX));
    match reply.status {
        StatusCode::OK => is_index,
        status => ![400, 404, 405, 406].contains(&status.as_u16()),
    }
}

fn digests(reply: &Reply) -> Result<Vec<Digest>, RegistryError> {
    let not_understood =
        || RegistryError::NotUnderstood { part: RegistryPart::Referrers, host: host(&reply.from) };
    let index: ImageIndex = serde_json::from_slice(&reply.body).map_err(|_| not_understood())?;
    if index.manifests().len() > MAX_REFERRERS {
        return Err(RegistryError::TooMany { part: RegistryPart::Referrer, max: MAX_REFERRERS });
    }
    Ok(index.manifests().iter().filter_map(layout::digest).collect())
}

/// Returns the next page of a list (RFC 8288).
fn following(headers: &HeaderMap, from: &Url) -> Option<Url> {
    let link = headers.get(LINK)?.to_str().ok()?;
    let (target, parameters) = link.strip_prefix('<')?.split_once('>')?;
    let is_next = parameters.split(';').any(|parameter| {
        let parameter = parameter.trim().to_ascii_lowercase();
        parameter == "rel=\"next\"" || parameter == "rel=next"
    });
    is_next.then(|| from.join(target).ok()).flatten()
}
