//! Begins a release.

use std::collections::BTreeMap;

use host_harness::plugin::Changes;
use host_model::{
    digest::Digest,
    plugin_version::VersionState,
    release::{
        plan::ReleasePlan,
        rules::VerdictRules,
        state::{ReleaseEvent, ReleaseState},
        steps::ReleaseSteps,
        times::StepTimes,
    },
};
use host_store::{StoreError, changes::ChangeKind, rekey, releases::SteppedRelease};
use uuid::Uuid;

use super::{
    super::{Connections, prepared::MAX_PREPARATION, publish_error::PublishError},
    entered::EnteredRelease,
    error::ReleaseError,
};
use crate::{settings::releases::ReleaseConfig, who::Who};

/// A release that is to begin.
#[derive(Clone, Debug)]
pub struct NewRelease {
    /// The plugin's name.
    pub plugin: String,
    /// The version, which was approved.
    pub digest: Digest,
    /// Its steps.
    pub steps: ReleaseSteps,
    /// The rules of its verdict.
    pub rules: VerdictRules,
    /// How long its steps last.
    pub times: StepTimes,
}

impl Connections {
    /// Returns the steps, times and rules of a release for which the call that begins it says nothing else.
    pub fn usual_release(&self) -> &ReleaseConfig {
        &self.sources.releases
    }

    /// Releases an approved version to the share of its first step, once every replica has loaded it.
    pub async fn begin_release(&self, who: &Who, new: NewRelease) -> Result<SteppedRelease, ReleaseError> {
        let NewRelease { plugin, digest, steps, rules, times } = new;
        rules.check()?;
        times.check()?;
        let mut staged = self.open(who, &plugin, digest).await?;
        self.prepared(&plugin, digest, MAX_PREPARATION).await?;
        let _alone = self.alone_with(&mut staged).await?;
        self.check_no_release(&plugin).await?;
        match self.current_state(&mut staged).await? {
            VersionState::Approved => {
                self.still_approved(staged.version(), staged.plugin(), staged.shadow())?;
            }
            state => return Err(ReleaseError::NotReleasable { plugin, digest, state }),
        }
        let slot = self.served.host().plugin(&plugin);
        let slot = slot.ok_or_else(|| PublishError::Unknown(plugin.clone()))?;
        slot.check_settings(staged.plugin(), &[]).map_err(PublishError::Swap)?;
        let before = slot.current().plugin().clone();
        if Changes::between(before.manifest(), staged.plugin().manifest()).rekeys_people() {
            return Err(ReleaseError::RekeysPeople(digest));
        }
        let people = self.people_of(&plugin).await?;
        let plan = ReleasePlan::new(digest, &plugin, &people, steps);
        let began_at = self.clock.date_ms();
        let state = ReleaseState::Proposed.next(ReleaseEvent::Started, &plan, times, began_at)?;
        let proposed = SteppedRelease {
            plugin,
            id: Uuid::now_v7().to_string(),
            before: before.digest(),
            plan,
            rules,
            times,
            state: ReleaseState::Proposed,
            began_by: who.0.clone(),
            began_at,
        };
        let entered = EnteredRelease::of(self, who, proposed, state).await?;
        let (vault, stored) = (self.store.vault().clone(), entered.clone());
        let change = self.new_change(ChangeKind::Plugin, &entered.release.plugin);
        self.write_step(move |tx| {
            Box::pin(async move {
                change.record(tx).await?;
                stored.begin(tx, &vault).await
            })
        })
        .await?;
        let release = entered.release;
        tracing::info!(plugin = release.plugin, %digest, by = who.0, state = %release.state, "release begun");
        self.serve_release(&release, staged.plugin()).await;
        Ok(release)
    }

    /// Returns the connections that the plugin's running version serves, each with its number of people.
    async fn people_of(&self, plugin: &str) -> Result<BTreeMap<String, u64>, StoreError> {
        let keys = self.keys_of(plugin);
        let counted = self.store.read(move |connection| {
            Box::pin(async move {
                let mut people = BTreeMap::new();
                for key in keys {
                    let count = rekey::count(connection, &key).await?;
                    people.insert(key, count.unsigned_abs());
                }
                Ok(people)
            })
        });
        counted.await
    }
}
