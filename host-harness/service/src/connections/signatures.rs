//! Who signed the versions of plugins: checked as a component arrives from outside, and as a stored version is to serve.
//! Tested in `api/src/tests/trust.rs` and `api/src/tests/trusted_files.rs`.

use std::collections::{BTreeMap, BTreeSet};

use host_harness::{
    config::Config,
    plugin::{KnownMark, KnownReleases, Plugin, Release},
};
use host_model::{digest::Digest, plugin_version::VersionState};
use host_store::{
    Store, StoreError, Tx, Vault,
    alarms::{self, Alarm},
    release_marks,
    versions::{self, Version},
};
use host_trust::{Arrival, HighWaterMark, Refusal, Signed, SignedContent, Trust};
use serde_json::{Value, json};

use super::{
    Connections, known_mark::known_mark, loaded::intact_component, not_authentic::NOT_AUTHENTIC,
    publish_error::PublishError,
};

/// The alarm about a version that serves although its plugin needs a signature that it does not have.
const NOT_SIGNED: &str = "plugin-not-signed";

/// The alarm about a release at a watched path that is not trusted.
const RELEASE_REFUSED: &str = "plugin-release-refused";

/// A component from outside whose signature was verified, with the bundle that is stored with it.
#[derive(Clone, Debug)]
pub(super) struct VerifiedRelease {
    trust: Trust,
    signed: Signed,
    bundle: Vec<u8>,
    arrival: Arrival,
}

impl VerifiedRelease {
    pub(super) fn bundle(&self) -> &[u8] {
        &self.bundle
    }

    /// Checks that the component is what was signed, once it is loaded.
    pub(super) fn check_loaded(&self, plugin: &Plugin) -> Result<(), Refusal> {
        self.signed.check_loaded(plugin.contract(), plugin.manifest().digest())
    }

    /// Raises the plugin's mark in the transaction that admits the release, unless it is put back. Refuses one that another
    /// replica has overtaken since it was verified.
    pub(super) async fn admit(&self, tx: &mut Tx, vault: &Vault) -> Result<(), PublishError> {
        if let Arrival::PutBack(_) = self.arrival {
            return Ok(());
        }
        let plugin = self.trust.plugin();
        let before = release_marks::find(tx, vault, plugin).await?;
        match self.trust.mark_after(&self.signed, before)? {
            Some(mark) if Some(mark) != before => Ok(release_marks::put(tx, vault, plugin, mark).await?),
            _ => Ok(()),
        }
    }

    /// What the history of versions shows of it.
    fn evidence(&self) -> Value {
        let key = self.signed.key().to_string();
        match self.signed.content() {
            SignedContent::Statement(stated) => json!({
                "key": key, "content": "statement", "version": stated.version, "revision": stated.revision,
                "not-after": stated.not_after, "conformance": stated.conformance,
            }),
            SignedContent::Component => json!({"key": key, "content": "component"}),
        }
    }
}

/// Adds a signature that was verified to what shows that a version was admitted, an object.
pub(super) fn with_signature(mut evidence: Value, release: Option<&VerifiedRelease>) -> Value {
    if let Some((release, fields)) = release.zip(evidence.as_object_mut()) {
        fields.insert("signature".to_owned(), release.evidence());
    }
    evidence
}

impl Connections {
    /// Checks who signed a component that arrives from outside. Returns `None` if its plugin needs no signature.
    pub(super) async fn verified(
        &self,
        plugin: &str,
        component: &[u8],
        bundle: Option<Vec<u8>>,
    ) -> Result<Option<VerifiedRelease>, PublishError> {
        let Some(trust) = self.served.host().admission().trust_for(plugin) else { return Ok(None) };
        let arrival = self.arrival(plugin, Digest::of(component)).await?;
        self.verified_as(trust, component, bundle, arrival)
    }

    /// Returns how the component with this digest arrives from outside: as a release, or in place of one that was lost or damaged
    /// here and whose version serves or has served.
    pub(super) async fn arrival(&self, plugin: &str, digest: Digest) -> Result<Arrival, StoreError> {
        let is_lost = intact_component(&self.store, digest).await?.is_none();
        match self.find_version(plugin, digest).await?.filter(|_| is_lost) {
            Some(version) => self.versions.arrival(&version).await,
            None => Ok(known_mark(self.mark(plugin).await)?.arrival()),
        }
    }

    /// Checks who signed a stored version that is to serve. One that has served may be put back although it is not current,
    /// and without a signature if it was admitted without one. So may one that is being released in steps, since it was current
    /// when its release began.
    pub(super) async fn verified_stored(
        &self,
        version: &Version,
        component: &[u8],
    ) -> Result<Option<VerifiedRelease>, PublishError> {
        let Version { plugin, digest, bundle, served_at, .. } = version;
        if served_at.is_none() && !self.is_being_released(plugin, *digest).await? {
            return self.verified(plugin, component, bundle.clone()).await;
        }
        let (Some(trust), Some(bundle)) = (self.served.host().admission().trust_for(plugin), bundle) else {
            return Ok(None);
        };
        self.verified_as(trust, component, Some(bundle.clone()), Arrival::PutBack(*digest))
    }

    fn verified_as(
        &self,
        trust: Trust,
        component: &[u8],
        bundle: Option<Vec<u8>>,
        arrival: Arrival,
    ) -> Result<Option<VerifiedRelease>, PublishError> {
        let signed = trust.verify(component, bundle.as_deref(), arrival, self.clock.date_ms())?;
        Ok(Some(VerifiedRelease { trust, signed, bundle: bundle.unwrap_or_default(), arrival }))
    }

    /// Checks again who signed the component with the digest `running`, which was loaded from a file.
    pub(super) fn verified_running(
        &self,
        plugin: &str,
        running: Digest,
        release: Release,
    ) -> Option<VerifiedRelease> {
        let (trust, bundle) = (self.served.host().admission().trust_for(plugin)?, release.bundle?);
        let (again, now) = (Arrival::PutBack(running), self.clock.date_ms());
        let signed = trust.verify(&release.component, Some(&bundle), again, now).ok()?;
        // It was current as it was loaded, and is admitted as what came from outside.
        Some(VerifiedRelease { trust, signed, bundle, arrival: Arrival::FromOutside(None) })
    }

    /// Returns the newest revision of a plugin that was admitted.
    pub async fn mark(&self, plugin: &str) -> Result<Option<HighWaterMark>, StoreError> {
        let (vault, plugin) = (self.store.vault().clone(), plugin.to_owned());
        let find =
            self.store.read(move |c| Box::pin(async move { release_marks::find(c, &vault, &plugin).await }));
        find.await
    }

    /// Raises an alarm for each plugin of which a version serves that lacks the signature that the plugin needs, and ends those of
    /// the others.
    pub(crate) async fn report_signatures(&self) -> Result<(), StoreError> {
        for name in self.served.host().plugins().keys() {
            self.report_signature(name).await?;
        }
        Ok(())
    }

    async fn report_signature(&self, name: &str) -> Result<(), StoreError> {
        self.report_mark(name).await?;
        let Some(slot) = self.served.host().plugin(name) else { return Ok(()) };
        let running = slot.current().plugin().digest();
        let mut lacking = Vec::new();
        if let Some(trust) = self.served.host().admission().trust_for(name) {
            for digest in self.serving_some(name).await?.into_iter().chain([running]).collect::<BTreeSet<_>>()
            {
                let refusal = self.lacking_signature(&trust, name, digest).await?;
                lacking.extend(refusal.map(|refusal| {
                    format!("version {digest} of plugin {name} serves on, although it {refusal}.")
                }));
            }
        }
        let (name, at) = (name.to_owned(), self.clock.date_ms());
        let stored = self.store.write(move |tx| {
            Box::pin(async move {
                if lacking.is_empty() {
                    return alarms::is_over(tx, at, NOT_SIGNED, &name).await;
                }
                let next = "Publish a signed release in its place, or the same component with its bundle";
                let detail = format!("{} {next}", lacking.join(" "));
                alarms::raise(tx, at, &Alarm::of_service(NOT_SIGNED, &name, &detail)).await
            })
        });
        stored.await
    }

    /// Returns the versions of a plugin that serve some of its connections: those that are pinned, and the one that is being
    /// released.
    async fn serving_some(&self, name: &str) -> Result<BTreeSet<Digest>, StoreError> {
        let vault = self.store.vault();
        let pins = self.pins(name).await?.into_iter().filter(|stored| stored.is_authentic(vault));
        let pinned = pins.map(|stored| stored.pin.digest);
        let release = match self.release_in_progress(name).await {
            Err(error) if error.is_about_one_row() => None,
            release => release?,
        };
        Ok(pinned.chain(release.map(|release| release.plan.version())).collect())
    }

    /// Raises an alarm if the newest admitted revision of a plugin is not known any more.
    async fn report_mark(&self, name: &str) -> Result<(), StoreError> {
        let KnownMark::Unknown = known_mark(self.mark(name).await)? else { return Ok(()) };
        tracing::error!(
            plugin = name,
            "record of the newest revision changed from outside; no release is admitted"
        );
        let (about, at) = (mark_subject(name), self.clock.date_ms());
        let detail = format!(
            "its record was changed or inserted in the database from outside, so that no release is admitted; find out who can \
             write the database, then run `connector-host plugin restore-revision {name}`"
        );
        let raised = self.store.write(move |tx| {
            Box::pin(async move {
                alarms::raise(tx, at, &Alarm::of_service(NOT_AUTHENTIC, &about, &detail)).await
            })
        });
        raised.await
    }

    /// Returns why a version that serves would not be trusted now; `None` if it would.
    async fn lacking_signature(
        &self,
        trust: &Trust,
        name: &str,
        digest: Digest,
    ) -> Result<Option<Refusal>, StoreError> {
        let bundle = self.find_version(name, digest).await?.and_then(|version| version.bundle);
        // Without it, it cannot be shown what the signature is over.
        let component = intact_component(&self.store, digest).await?.unwrap_or_default();
        let arrival = Arrival::PutBack(digest);
        Ok(trust.verify(&component, bundle.as_deref(), arrival, self.clock.date_ms()).err())
    }

    /// Ends the alarm about a release at a watched path that is not trusted.
    pub(super) async fn end_release_refused(&self, name: &str) -> Result<(), StoreError> {
        let (name, at) = (name.to_owned(), self.clock.date_ms());
        self.store.write(move |tx| Box::pin(async move { end_release_refused(tx, at, &name).await })).await
    }

    /// Raises an alarm about a release at a watched path that is not trusted.
    pub(super) async fn report_release_refused(
        &self,
        name: &str,
        refusal: &Refusal,
    ) -> Result<(), StoreError> {
        let (name, at, refusal) = (name.to_owned(), self.clock.date_ms(), refusal.clone());
        let raised = self.store.write(move |tx| {
            Box::pin(async move {
                let code = refusal.code();
                let detail = format!("the release at its path was refused ({code}): it {refusal}");
                alarms::raise(tx, at, &Alarm::of_service(RELEASE_REFUSED, &name, &detail)).await
            })
        });
        raised.await
    }
}

/// Ends the alarm about a release that is not trusted, since another version serves, or its path has the one that does.
pub(super) async fn end_release_refused(tx: &mut Tx, at: i64, plugin: &str) -> Result<(), StoreError> {
    alarms::is_over(tx, at, RELEASE_REFUSED, plugin).await
}

/// Returns the subject of the alarm about the mark of a plugin.
pub(super) fn mark_subject(plugin: &str) -> String {
    format!("newest revision of plugin {plugin}")
}

/// Returns what is stored of the earlier releases of each plugin that needs a signature.
pub(crate) async fn known_releases(
    config: &Config,
    store: &Store,
) -> Result<BTreeMap<String, KnownReleases>, StoreError> {
    let (names, vault) = (config.trust().keys().cloned().collect::<Vec<_>>(), store.vault().clone());
    store
        .read(move |connection| {
            Box::pin(async move {
                let mut known = BTreeMap::new();
                for name in names {
                    let mark = known_mark(release_marks::find(connection, &vault, &name).await)?;
                    let versions = versions::of_plugin(connection, &name).await?;
                    let serving = versions.into_iter().find(|stored| {
                        stored.version.state == VersionState::Serving && stored.is_authentic(&vault)
                    });
                    let serving = serving.map(|stored| stored.version.digest);
                    known.insert(name, KnownReleases { serving, mark });
                }
                Ok(known)
            })
        })
        .await
}

#[cfg(test)]
mod tests;
