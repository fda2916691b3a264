//! Publishes plugins.

use bytes::Bytes;
use host_model::digest::Digest;
use http::{
    HeaderName, HeaderValue, Method, StatusCode,
    header::{CONTENT_TYPE, LOCATION},
};
use serde_json::{Value, json};

use crate::{
    artefact::{Artefact, EMPTY_CONFIG, descriptor},
    error::{RegistryError, RegistryPart},
    layout::{BUNDLE, INDEX, MANIFEST, fallback_tag},
    reference::PluginReference,
    registry::{CONTENT_DIGEST, Registry, RepositoryScope, ScopeAction, checked},
    wire::{ReadBound, Reply, WireRequest, host},
};

/// With this header, a registry says that it lists a referrer under its subject.
const SUBJECT: HeaderName = HeaderName::from_static("oci-subject");

/// The maximum size of an answer to what is pushed, in bytes: none of them has content.
const MAX_RECEIPT_BYTES: u64 = 64 << 10;

impl Registry {
    /// Publishes `artefact` with the Sigstore bundles in `bundles`, and returns the digest of its manifest. The tag of
    /// `reference` is set last, so a client that pulls it finds the bundles. Pushing the same again changes nothing.
    pub async fn push(
        &self,
        reference: &PluginReference,
        artefact: &Artefact,
        bundles: &[Bytes],
    ) -> Result<Digest, RegistryError> {
        self.check(reference)?;
        if let Some(expected) = reference.digest() {
            checked(RegistryPart::Manifest, expected, artefact.digest())?;
        }
        self.in_time(self.pushed(reference, artefact, bundles)).await
    }

    async fn pushed(
        &self,
        reference: &PluginReference,
        artefact: &Artefact,
        bundles: &[Bytes],
    ) -> Result<Digest, RegistryError> {
        let scope = RepositoryScope { repository: reference.repository(), action: ScopeAction::Push };
        let digest = artefact.digest();
        self.put_blob(scope, &artefact.config).await?;
        self.put_blob(scope, &artefact.component).await?;
        self.put_manifest(scope, &digest.to_string(), &artefact.manifest).await?;
        for bundle in bundles {
            self.attach(scope, artefact, bundle).await?;
        }
        if let Some(tag) = reference.tag() {
            self.put_manifest(scope, tag, &artefact.manifest).await?;
        }
        Ok(digest)
    }

    async fn attach(
        &self,
        scope: RepositoryScope<'_>,
        artefact: &Artefact,
        bundle: &Bytes,
    ) -> Result<(), RegistryError> {
        self.put_blob(scope, &Bytes::from_static(EMPTY_CONFIG)).await?;
        self.put_blob(scope, bundle).await?;
        let referrer = artefact.referrer(bundle);
        let reply = self.put_manifest(scope, &Digest::of(&referrer).to_string(), &referrer).await?;
        if reply.headers.contains_key(SUBJECT) {
            return Ok(());
        }
        self.enter(scope, artefact.digest(), &referrer).await
    }

    /// Enters `referrer` in the list that is kept under a tag. The protocol has no way to do so at once: of two clients that
    /// enter something at the same time, the later one wins.
    async fn enter(
        &self,
        scope: RepositoryScope<'_>,
        subject: Digest,
        referrer: &[u8],
    ) -> Result<(), RegistryError> {
        let mut entry = descriptor(MANIFEST, referrer);
        if let Value::Object(fields) = &mut entry {
            fields.insert("artifactType".to_owned(), BUNDLE.into());
        }
        let mut list = match self.fallback(scope, subject).await? {
            Some(reply) => serde_json::from_slice(&reply.body).unwrap_or_default(),
            None => json!({"manifests": [], "mediaType": INDEX, "schemaVersion": 2}),
        };
        match list.get_mut("manifests").and_then(Value::as_array_mut) {
            None => {
                let (part, host) = (RegistryPart::Referrers, self.access.host.clone());
                return Err(RegistryError::NotUnderstood { part, host });
            }
            Some(entries) if entries.iter().any(|known| known.get("digest") == entry.get("digest")) => {
                return Ok(());
            }
            Some(entries) => entries.push(entry),
        }
        self.put(scope, &fallback_tag(subject), INDEX, list.to_string().into()).await.map(drop)
    }

    async fn put_manifest(
        &self,
        scope: RepositoryScope<'_>,
        name: &str,
        manifest: &Bytes,
    ) -> Result<Reply, RegistryError> {
        self.put(scope, name, MANIFEST, manifest.clone()).await
    }

    async fn put(
        &self,
        scope: RepositoryScope<'_>,
        name: &str,
        kind: &'static str,
        content: Bytes,
    ) -> Result<Reply, RegistryError> {
        let part = RegistryPart::Manifest;
        let sent = Digest::of(&content);
        let mut request = WireRequest::new(Method::PUT, self.url(scope.repository, &["manifests", name]));
        request.headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        request.body = content;
        let reply =
            self.reply(scope, request, receipt(part)).await?.with_status(StatusCode::CREATED, part)?;
        if let Some(stored) =
            reply.headers.get(CONTENT_DIGEST).and_then(|named| named.to_str().ok()?.parse().ok())
        {
            checked(part, sent, stored)?;
        }
        Ok(reply)
    }

    /// Uploads a blob that the registry does not have.
    async fn put_blob(&self, scope: RepositoryScope<'_>, content: &Bytes) -> Result<(), RegistryError> {
        let part = RegistryPart::Upload;
        let digest = Digest::of(content).to_string();
        let request = WireRequest::new(Method::HEAD, self.url(scope.repository, &["blobs", &digest]));
        if self.reply(scope, request, receipt(part)).await?.status == StatusCode::OK {
            return Ok(());
        }
        let request = WireRequest::new(Method::POST, self.url(scope.repository, &["blobs", "uploads", ""]));
        let begun =
            self.reply(scope, request, receipt(part)).await?.with_status(StatusCode::ACCEPTED, part)?;
        let place = begun.headers.get(LOCATION).and_then(|place| begun.from.join(place.to_str().ok()?).ok());
        let not_understood = || RegistryError::NotUnderstood { part, host: host(&begun.from) };
        let mut request = WireRequest::new(Method::PUT, place.ok_or_else(not_understood)?);
        request.url.query_pairs_mut().append_pair("digest", &digest);
        request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        request.body = content.clone();
        self.reply(scope, request, receipt(part)).await?.with_status(StatusCode::CREATED, part).map(drop)
    }
}

fn receipt(part: RegistryPart) -> ReadBound {
    ReadBound { part, max_bytes: MAX_RECEIPT_BYTES }
}
