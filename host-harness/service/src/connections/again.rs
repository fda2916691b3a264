//! Publishing the version that already runs: repairs its stored bytes and its row, or changes its conditions.
//! Tested in `api/src/tests/{plugins,published_limits}.rs`.

use host_harness::plugin::Changes;
use host_model::{
    digest::Digest,
    plugin_version::{VersionSource, VersionState},
};
use host_store::{
    StoreError,
    audit::{self, ALL_TENANTS, Record},
    changes::ChangeKind,
    components::{self, Publication},
    versions::Version,
};
use serde_json::json;

use super::{
    Connections,
    conditions::LoadConditions,
    publication::{Published, Upload},
    publish_error::PublishError,
    versions::{Progress, StepCause, record},
};

impl Connections {
    /// Publishes the component that runs already.
    pub(super) async fn publish_again(
        &self,
        cause: &StepCause,
        upload: Upload,
    ) -> Result<Published, PublishError> {
        let Upload { plugin: name, bytes, digest, conditions, note, settings, source, .. } = upload;
        if !settings.is_empty() {
            return Err(PublishError::AlreadyServes(digest));
        }
        let who = &*cause.actor;
        self.check_publishable(&name, &conditions)?;
        let before = self.stored_conditions(&name).await?;
        let conditions = conditions.over(&before);
        let policy = self.policy(&name, &conditions);
        // It has to load under its conditions, also at the next start.
        self.load(bytes.clone(), &policy).await?;
        let _alone = self.sources.changing.lock().await;
        let (changes, running) = (Changes::default(), Some(digest));
        match self.publication(&name).await {
            // A row that was changed from outside is replaced.
            Err(error) if error.is_about_one_row() => {
                let publication = self.publication_of(&name, digest, &conditions);
                self.store_again(who, bytes, publication, "plugin-published").await?;
            }
            Err(error) => return Err(error.into()),
            // It ran before the plugin moved to a registry, from which it is published now.
            Ok(None) if source == VersionSource::Registry => {
                let publication = self.publication_of(&name, digest, &conditions);
                self.store_again(who, bytes, publication, "plugin-published").await?;
            }
            // The file's own version.
            Ok(None) => {}
            Ok(Some(publication)) if publication.digest != digest => {
                // Another replica serves another version since.
                return Err(PublishError::Overtaken(name));
            }
            Ok(Some(_)) if conditions == before => {
                let repaired = self
                    .store
                    .write(move |tx| Box::pin(async move { components::insert(tx, digest, bytes).await }));
                repaired.await?;
            }
            Ok(Some(publication)) => {
                let publication = Publication { conditions: conditions.written(), ..publication };
                self.store_again(who, bytes, publication, "plugin-conditions-changed").await?;
                self.record_conditions(cause, &name, digest, &conditions, note).await?;
            }
        }
        Ok(Published { digest, before: running, changes, policy, steps: Vec::new() })
    }

    /// Checks the signature that arrives with the component that runs already, and stores it with the version, which may have
    /// been admitted without one.
    pub(super) async fn sign_running(&self, cause: &StepCause, upload: &Upload) -> Result<(), PublishError> {
        let Upload { plugin: name, bytes, bundle, digest, source, .. } = upload;
        let known = self.find_version(name, *digest).await?;
        let unknown = || Version::new(name, *digest, bytes.len(), *source);
        let version = known.clone().unwrap_or_else(unknown);
        let mut progress = Progress::begin(self, version, cause.clone());
        let release = match self.verified(name, bytes, bundle.clone()).await {
            Ok(Some(release)) => release,
            Ok(None) => return Ok(()),
            Err(PublishError::Store(error)) => return Err(error.into()),
            Err(error) => return Err(self.refused(progress, error).await?),
        };
        if known.is_none_or(|known| known.bundle.as_deref() != Some(release.bundle())) {
            let vault = self.store.vault().clone();
            progress.sign(Some(release.clone()));
            let evidence = progress.with_signature(json!({}));
            let step = progress.step(self, VersionState::Serving, evidence);
            let version = progress.version;
            let signed = self.try_write_step(move |tx| {
                Box::pin(async move {
                    release.admit(tx, &vault).await?;
                    Ok(record(tx, &vault, &version, &step).await?)
                })
            });
            signed.await?;
        }
        Ok(self.report_signatures().await?)
    }

    /// Records the conditions in the history too, since a version is put back under them.
    async fn record_conditions(
        &self,
        cause: &StepCause,
        name: &str,
        digest: Digest,
        conditions: &LoadConditions,
        note: Option<String>,
    ) -> Result<(), StoreError> {
        let Some(known) = self.find_version(name, digest).await? else { return Ok(()) };
        let version = Version { conditions: conditions.written(), note, ..known };
        let mut progress = Progress::begin(self, version, cause.clone());
        let step = progress.step(self, VersionState::Serving, json!({}));
        self.record(&progress.version, step).await
    }

    fn publication_of(&self, name: &str, digest: Digest, conditions: &LoadConditions) -> Publication {
        Publication {
            plugin: name.to_owned(),
            digest,
            before: None,
            conditions: conditions.written(),
            conditions_before: None,
            published_at: self.clock.date_ms(),
        }
    }

    async fn store_again(
        &self,
        who: &str,
        bytes: Vec<u8>,
        publication: Publication,
        what: &'static str,
    ) -> Result<(), StoreError> {
        let (vault, at) = (self.store.vault().clone(), self.clock.date_ms());
        let conditions = LoadConditions::read(publication.conditions.as_deref()).unwrap_or_default();
        let detail = json!({"by": who, "plugin": publication.plugin, "conditions": conditions});
        let digest = Some(publication.digest.to_string());
        let line = Record { digest, detail, ..Record::of(what) };
        let change = self.new_change(ChangeKind::Plugin, &publication.plugin);
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    change.record(tx).await?;
                    components::insert(tx, publication.digest, bytes).await?;
                    components::publish(tx, &vault, &publication).await?;
                    audit::append(tx, &vault, ALL_TENANTS, at, &line).await
                })
            })
            .await
    }
}
