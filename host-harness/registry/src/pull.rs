//! Pulls plugins.

use bytes::Bytes;
use host_model::digest::Digest;

use crate::{
    error::RegistryError,
    layout,
    reference::PluginReference,
    registry::{Registry, RepositoryScope, ScopeAction},
};

/// A plugin as a registry gave it. The digests of all bytes were checked; nothing was judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulled {
    /// The digest of the manifest. The reference that is [`pinned`](PluginReference::pinned) to it leads to the same bytes.
    pub digest: Digest,
    /// The manifest.
    pub manifest: Bytes,
    /// The component.
    pub component: Bytes,
    /// The Sigstore bundles that refer to the manifest, in the registry's order; none if there are none, or if they were not asked
    /// for. They may be about anything and signed by anyone.
    pub bundles: Vec<Bytes>,
}

impl Registry {
    /// Returns the digest that `reference` leads to now, without the plugin itself. For a reference by digest, this checks that
    /// the registry has it.
    pub async fn resolve(&self, reference: &PluginReference) -> Result<Digest, RegistryError> {
        self.check(reference)?;
        self.in_time(async { Ok(self.named(reference).await?.1) }).await
    }

    /// Pulls the plugin that `reference` leads to, with its bundles. A tag is resolved once: everything else is requested by
    /// digest.
    pub async fn pull(&self, reference: &PluginReference) -> Result<Pulled, RegistryError> {
        self.check(reference)?;
        let pulled = async {
            let pulled = self.pulled(reference).await?;
            let bundles = self.bundles(pulling(reference), pulled.digest).await?;
            Ok(Pulled { bundles, ..pulled })
        };
        self.in_time(pulled).await
    }

    /// Same without bundles, for a plugin that needs no signature: what refers to it is not asked for.
    pub async fn pull_without_bundles(&self, reference: &PluginReference) -> Result<Pulled, RegistryError> {
        self.check(reference)?;
        self.in_time(self.pulled(reference)).await
    }

    async fn pulled(&self, reference: &PluginReference) -> Result<Pulled, RegistryError> {
        let (manifest, digest) = self.named(reference).await?;
        let component = self.blob(pulling(reference), layout::component(&manifest)?).await?;
        Ok(Pulled { digest, manifest, component, bundles: Vec::new() })
    }

    async fn named(&self, reference: &PluginReference) -> Result<(Bytes, Digest), RegistryError> {
        self.manifest(pulling(reference), &reference.manifest_name(), reference.digest()).await
    }
}

fn pulling(reference: &PluginReference) -> RepositoryScope<'_> {
    RepositoryScope { repository: reference.repository(), action: ScopeAction::Pull }
}
