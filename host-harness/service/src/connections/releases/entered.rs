//! A state of a release as it is stored: with its line of the audit chain, its alarms, and its step in the history of the
//! version.

use host_model::{
    plugin_version::VersionState,
    release::{share::Share, state::ReleaseState},
};
use host_store::{
    RowChange, StoreError, Tx, Vault,
    alarms::{self, Alarm},
    audit::{self, ALL_TENANTS, Record},
    releases::{self, SteppedRelease},
    versions::{Version, VersionStep},
};
use serde_json::json;

use super::{
    super::{
        Connections,
        release_alarms::{PAUSED, ROLLED_BACK},
        versions::{Progress, record},
    },
    error::ReleaseError,
};
use crate::who::Who;

/// A release in a new state.
#[derive(Clone, Debug)]
pub(in super::super) struct EnteredRelease {
    pub(super) release: SteppedRelease,
    /// The state before.
    from: ReleaseState,
    by: String,
    at: i64,
    /// The version with a step of its history, if it has one.
    in_history: Option<(Version, VersionStep)>,
}

impl EnteredRelease {
    /// Creates the state of `release` that `who` has it enter from its current one.
    pub(super) async fn of(
        connections: &Connections,
        who: &Who,
        release: SteppedRelease,
        state: ReleaseState,
    ) -> Result<Self, ReleaseError> {
        let at = connections.clock.date_ms();
        let from = release.state.clone();
        let release = SteppedRelease { state, ..release };
        let withdrawn_at = match (&from, &release.state) {
            (ReleaseState::Proposed, _) => Some(None),
            // It confirms no erasures until it serves.
            (_, ReleaseState::RolledBack { .. }) => Some(Some(at)),
            _ => None,
        };
        let mut in_history = None;
        if let Some(withdrawn_at) = withdrawn_at
            // A row that was changed from outside must not keep a release from being rolled back.
            && let Some(known) = connections.find_version(&release.plugin, release.plan.version()).await?
        {
            let mut progress = Progress::begin(connections, Version { withdrawn_at, ..known }, who);
            let evidence = json!({"release": release.state.to_string()});
            let step = progress.step(connections, VersionState::Approved, evidence);
            in_history = Some((progress.version, step));
        }
        Ok(Self { release, from, by: who.0.clone(), at, in_history })
    }

    /// Stores a release that begins.
    pub(super) async fn begin(&self, tx: &mut Tx, vault: &Vault) -> Result<(), StoreError> {
        releases::begin(tx, vault, &self.release).await?;
        alarms::is_over(tx, self.at, ROLLED_BACK, &self.release.plugin).await?;
        self.record(tx, vault).await
    }

    /// Stores the new state of a release, unless something else moved it.
    pub(in super::super) async fn advance(&self, tx: &mut Tx, vault: &Vault) -> Result<(), StoreError> {
        if releases::advance(tx, vault, &self.release, &self.from).await? == RowChange::Unchanged {
            return Err(StoreError::ChangedMeanwhile);
        }
        self.record(tx, vault).await
    }

    async fn record(&self, tx: &mut Tx, vault: &Vault) -> Result<(), StoreError> {
        let SteppedRelease { plugin, plan, before, state, .. } = &self.release;
        if let Some((version, step)) = &self.in_history {
            record(tx, vault, version, step).await?;
        }
        let share = |state: &ReleaseState| (state.share() > Share::NONE).then(|| state.share().to_string());
        let detail = json!({
            "plugin": plugin, "by": self.by, "before": before.to_string(), "from": share(&self.from),
            "state": state.to_string(),
        });
        let line =
            Record { digest: Some(plan.version().to_string()), detail, ..Record::of("plugin-release") };
        audit::append(tx, vault, ALL_TENANTS, self.at, &line).await?;
        alarms::is_over(tx, self.at, PAUSED, plugin).await?;
        if !state.raises_alarm() {
            return Ok(());
        }
        let kind = if matches!(state, ReleaseState::Paused { .. }) { PAUSED } else { ROLLED_BACK };
        let detail = format!("the release of version {} is {state}", plan.version());
        let alarm = Alarm::of_service(kind, plugin, &detail);
        alarms::raise(tx, self.at, &alarm).await
    }
}
