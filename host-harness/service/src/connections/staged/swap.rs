//! Serves a staged version: exchanges it for the running one, and stores that it serves. If that cannot be stored, the
//! running version serves on.
//! Tested in `api/src/tests/versions.rs`.

use std::sync::Arc;

use host_harness::{
    host::AddError,
    plugin::{Changes, Slot},
};
use host_model::{contract::manifest::Manifest, digest::Digest, plugin_version::VersionState};
use host_store::{
    StoreError,
    audit::{self, ALL_TENANTS, Record},
    changes::ChangeKind,
    components::{self, Publication},
    connections::{self, StoredConnection},
};
use serde_json::json;

use super::{
    super::{
        Connections,
        approval::Approval,
        conditions::LoadConditions,
        given_settings::{ChangedConnection, UnknownSettings},
        publication::Published,
        publish_error::PublishError,
        releases::EnteredRelease,
        versions::{Progress, serve},
    },
    Staged,
};

/// What is stored of a version that begins to serve, besides the version.
struct ServedEntry {
    /// The kind of its line in the audit chain.
    what: &'static str,
    /// The release in steps that it completes.
    completes: Option<Arc<EnteredRelease>>,
}

impl Connections {
    /// Serves an approved version.
    pub(in super::super) async fn serve_published(
        &self,
        staged: Staged,
        approval: Approval,
    ) -> Result<Published, PublishError> {
        self.serve_staged(staged, "plugin-published", UnknownSettings::Refuse, approval).await
    }

    /// Serves a version that served before. Settings that it does not know are set aside.
    pub(in super::super) async fn put_back(
        &self,
        staged: Staged,
        approval: Approval,
    ) -> Result<Published, PublishError> {
        if let Some(slot) = self.served.host().plugin(&staged.name()) {
            let changes = Changes::between(slot.current().plugin().manifest(), staged.plugin.manifest());
            if changes.rekeys_people() && approval == Approval::Missing {
                return Err(PublishError::Rekeys { digest: staged.digest(), changes });
            }
        }
        self.serve_staged(staged, "plugin-rolled-back", UnknownSettings::SetAside, approval).await
    }

    async fn serve_staged(
        &self,
        staged: Staged,
        what: &'static str,
        unknown: UnknownSettings,
        approval: Approval,
    ) -> Result<Published, PublishError> {
        let (name, slot) = (staged.name(), self.served.host().plugin(&staged.name()));
        let serves = slot.as_ref().is_some_and(|slot| slot.current().plugin().digest() == staged.digest());
        if serves && !staged.settings.is_empty() {
            return Err(PublishError::AlreadyServes(staged.digest()));
        }
        if serves {
            return Ok(Published {
                digest: staged.digest(),
                before: Some(staged.digest()),
                changes: Changes::default(),
                policy: staged.policy,
                steps: Vec::new(),
            });
        }
        match self.changed_by(&staged, unknown, approval).await {
            Err(PublishError::Store(error)) => Err(error.into()),
            Err(error) => Err(self.not_served(staged.progress, error).await?),
            Ok(changed) => match slot {
                Some(slot) => self.replace(&slot, staged, what, &changed).await,
                None => self.serve_first(&name, staged, what, &changed).await,
            },
        }
    }

    /// Returns the connections that change as `staged` begins to serve. Requires `approval` if a given setting changes what
    /// identifies people.
    async fn changed_by(
        &self,
        staged: &Staged,
        unknown: UnknownSettings,
        approval: Approval,
    ) -> Result<Vec<ChangedConnection>, PublishError> {
        let (manifest, given) = (staged.plugin.manifest(), &staged.settings);
        let changed = self.changed_for(&staged.name(), manifest, given, unknown).await?;
        let dropped: Vec<String> = changed.iter().flat_map(ChangedConnection::dropped_denials).collect();
        if !dropped.is_empty() && approval == Approval::Missing {
            return Err(PublishError::DropsDenials(dropped));
        }
        if !given.is_empty() && approval == Approval::Missing {
            self.check_keying_of(&changed, &staged.plugin).await?;
        }
        Ok(changed)
    }

    /// Records that the version was refused, unless it was stored before: it stays as it is then, since it may serve with
    /// other settings. Returns why.
    async fn not_served(&self, progress: Progress, error: PublishError) -> Result<PublishError, StoreError> {
        if progress.steps.is_empty() { Ok(error) } else { self.refused(progress, error).await }
    }

    /// Records that the version was refused as it was to be stored, unless the store failed. Returns why.
    async fn not_kept(&self, progress: Progress, error: PublishError) -> Result<PublishError, StoreError> {
        match error {
            PublishError::Store(error) => Ok(error.into()),
            error => self.not_served(progress, error).await,
        }
    }

    async fn replace(
        &self,
        slot: &Slot,
        staged: Staged,
        what: &'static str,
        adapted: &[ChangedConnection],
    ) -> Result<Published, PublishError> {
        let Staged { plugin, bytes, mut progress, conditions, policy, completes, .. } = staged;
        let entry = ServedEntry { what, completes };
        let running = slot.current();
        let (before, digest) = (running.plugin().digest(), plugin.digest());
        let changes = Changes::between(running.plugin().manifest(), plugin.manifest());
        let specs = self.served_specs(adapted.iter().map(|one| &one.after));
        let specs_before = self.served_specs(adapted.iter().map(|one| &one.before));
        if let Err(error) = slot.replace_with(plugin, &specs) {
            return Err(self.not_served(progress, error.into()).await?);
        }
        let mut published = Published { digest, before: Some(before), changes, policy, steps: Vec::new() };
        if let Err(error) = self.keep(entry, &published, &mut progress, &conditions, bytes, adapted).await {
            // It served with these connections a moment ago.
            if let Err(unsuited) = slot.replace_with(Arc::clone(running.plugin().uncounted()), &specs_before)
            {
                tracing::error!(%unsuited, "the version that serves was neither stored nor replaced");
            }
            return Err(self.not_kept(progress, error).await?);
        }
        // A version is put back from the database, so its predecessor need not stay in memory.
        slot.forget_previous();
        self.load_all_again().await;
        published.steps = progress.steps;
        Ok(published)
    }

    /// Serves a plugin that is new to the host. It is stored first, because the host cannot remove a plugin again.
    async fn serve_first(
        &self,
        name: &str,
        staged: Staged,
        what: &'static str,
        adapted: &[ChangedConnection],
    ) -> Result<Published, PublishError> {
        let Staged { plugin, bytes, mut progress, conditions, policy, completes, .. } = staged;
        let entry = ServedEntry { what, completes };
        let changes = Changes::between(&Manifest::default(), plugin.manifest());
        let mut published =
            Published { digest: plugin.digest(), before: None, changes, policy, steps: Vec::new() };
        if let Err(error) = self.keep(entry, &published, &mut progress, &conditions, bytes, adapted).await {
            return Err(self.not_kept(progress, error).await?);
        }
        let added = self.served.host().add_loaded(name, plugin);
        added.map_err(|error| match error {
            AddError::Named(problem) => PublishError::Named(problem),
            AddError::Load { cause, .. } => PublishError::Load(cause),
            AddError::NameTaken(name) => PublishError::Unknown(name),
        })?;
        self.load_all_again().await;
        published.steps = progress.steps;
        Ok(published)
    }

    /// Stores that the version serves, together with the connections that change as it does.
    async fn keep(
        &self,
        ServedEntry { what, completes }: ServedEntry,
        published: &Published,
        progress: &mut Progress,
        conditions: &LoadConditions,
        component: Vec<u8>,
        changed: &[ChangedConnection],
    ) -> Result<(), PublishError> {
        let name = progress.version.plugin.clone();
        let conditions_before = self.stored_conditions(&name).await?.written();
        let at = self.clock.date_ms();
        let publication = Publication {
            plugin: name.clone(),
            digest: published.digest,
            before: published.before,
            conditions: conditions.written(),
            conditions_before,
            published_at: at,
        };
        let mut detail = json!({"by": progress.cause.actor, "plugin": name, "agreed-to": published.changes});
        if let (Some(detail), false) = (detail.as_object_mut(), conditions.is_empty()) {
            detail.insert("conditions".to_owned(), json!(conditions));
        }
        let line = Record { digest: Some(published.digest.to_string()), detail, ..Record::of(what) };
        let release = progress.release.clone();
        progress.version.served_at = Some(at);
        progress.version.conditions = conditions.written();
        let connections = self.changed_rows(&progress.cause.actor, published.digest, changed)?;
        let before = published.before.map(|before| before.to_string());
        let evidence = json!({"before": before, "changed": ChangedConnection::evidence(changed)});
        let step = progress.step(self, VersionState::Serving, evidence);
        let (vault, version) = (self.store.vault().clone(), progress.version.clone());
        let change = self.new_change(ChangeKind::Plugin, &name);
        let of_connections: Vec<_> =
            changed.iter().map(|one| self.new_change(ChangeKind::Connection, one.key())).collect();
        self.try_write_step(move |tx| {
            Box::pin(async move {
                if let Some(release) = release {
                    release.admit(tx, &vault).await?;
                }
                change.record(tx).await?;
                for of_connection in of_connections {
                    // Another replica may have changed it since it was read.
                    of_connection.record(tx).await?;
                }
                components::insert(tx, version.digest, component).await?;
                components::publish(tx, &vault, &publication).await?;
                serve(tx, &vault, &version, step).await?;
                if let Some(release) = completes {
                    release.advance(tx, &vault).await?;
                }
                for (row, line) in connections {
                    connections::put(tx, at, &row).await?;
                    audit::append(tx, &vault, &row.tenant, at, &line).await?;
                }
                Ok(audit::append(tx, &vault, ALL_TENANTS, at, &line).await?)
            })
        })
        .await?;
        self.bell.ring();
        Ok(())
    }

    /// Returns the rows of the connections that change, each with its line of the audit chain.
    fn changed_rows(
        &self,
        by: &str,
        digest: Digest,
        changed: &[ChangedConnection],
    ) -> Result<Vec<(StoredConnection, Record)>, StoreError> {
        let row = |one: &ChangedConnection| {
            let (connection, digest) = (Some(one.key().to_owned()), Some(digest.to_string()));
            let detail = json!({"by": by, "changed": one.names()});
            let line = Record { connection, digest, detail, ..Record::of("connection-changed") };
            Ok((one.after.seal(self.store.vault())?, line))
        };
        changed.iter().map(row).collect()
    }
}
