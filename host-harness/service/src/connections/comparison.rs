//! Compares a version with the one that serves, and what it requests with what was approved.
//! Tested in `api/src/tests/versions.rs`.

use std::sync::Arc;

use host_harness::plugin::{Changes, Plugin, Slot};
use host_model::contract::manifest::Manifest;
use host_store::versions::Version;

use super::{
    Connections, approval::Approval, given_settings::GivenSettings, publish_error::PublishError,
    shadow::ShadowReport,
};

impl Connections {
    /// Checks that the version that serves can be replaced by `plugin`, which may request more if `approval` says so.
    pub(super) fn compared(
        &self,
        name: &str,
        plugin: &Plugin,
        approval: Approval,
    ) -> Result<(), PublishError> {
        match (self.served.host().plugin(name), approval) {
            (None, Approval::Missing) => Err(PublishError::New {
                name: name.to_owned(),
                changes: Changes::between(&Manifest::default(), plugin.manifest()),
            }),
            (None, Approval::Given) => Ok(()),
            (Some(slot), Approval::Missing) => Ok(slot.compare(plugin)?),
            (Some(slot), Approval::Given) => Ok(slot.compare_connector(plugin)?),
        }
    }

    /// Checks that a version that has not served yet requests and does differently nothing beyond what was approved.
    pub(super) async fn check_still_approved(
        &self,
        name: &str,
        plugin: &Arc<Plugin>,
    ) -> Result<(), PublishError> {
        let found = self.find_version(name, plugin.digest()).await?;
        let Some(version) = found.filter(|version| version.served_at.is_none()) else { return Ok(()) };
        let candidate = self.candidate(name, plugin, &GivenSettings::default()).await?;
        let shadow = self.shadow(name, &candidate).await?;
        self.still_approved(&version, plugin, shadow)
    }

    /// Checks that the version requests and does differently nothing beyond what was approved: another one may serve by
    /// now, and `shadow` is what came of comparing them.
    pub(super) fn still_approved(
        &self,
        version: &Version,
        plugin: &Plugin,
        mut shadow: ShadowReport,
    ) -> Result<(), PublishError> {
        let Some(slot) = self.served.host().plugin(&version.plugin) else { return Ok(()) };
        let approved = version.approved.as_deref().unwrap_or_default();
        let approved: Vec<String> = serde_json::from_str(approved).unwrap_or_default();
        shadow.differences.retain(|difference| !approved.contains(&difference.approvable()));
        same_behaviour(&shadow, Approval::Missing)?;
        let is_approved = |request: &String| approved.contains(request);
        if requests(Some(&slot), plugin).iter().all(is_approved) {
            slot.compare_connector(plugin)?;
            return Ok(());
        }
        Ok(slot.compare(plugin)?)
    }
}

/// Checks that the comparison found no difference, unless `approval` says that it may.
pub(super) fn same_behaviour(shadow: &ShadowReport, approval: Approval) -> Result<(), PublishError> {
    match approval {
        Approval::Missing if !shadow.differences.is_empty() => {
            Err(PublishError::BehavesDifferently(shadow.clone()))
        }
        Approval::Missing | Approval::Given => Ok(()),
    }
}

/// Returns everything that `plugin` requests beyond the version that serves, one sentence each.
pub(super) fn requests(slot: Option<&Slot>, plugin: &Plugin) -> Vec<String> {
    let running = slot.map(|slot| Arc::clone(slot.current().plugin().uncounted()));
    requests_beyond(running.as_deref(), plugin)
}

/// Returns everything that `plugin` requests beyond `before`, one sentence each.
pub(super) fn requests_beyond(before: Option<&Plugin>, plugin: &Plugin) -> Vec<String> {
    let (nothing, offered) = (Manifest::default(), plugin.exports());
    let manifest = before.map_or(&nothing, Plugin::manifest);
    let changes = Changes::between(manifest, plugin.manifest());
    let gone = before.iter().flat_map(|before| before.exports()).filter(|of| !offered.contains(of));
    let lost = gone.map(|interface| format!("no longer offers {interface}"));
    changes.0.iter().map(ToString::to_string).chain(lost).collect()
}
