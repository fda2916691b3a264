//! Releases in steps, for tests that serve one without a plugin's history.

use std::{collections::BTreeMap, sync::Arc};

use host_harness::plugin::{LoadPolicy, Plugin};
use host_model::{
    digest::Digest,
    release::{
        plan::ReleasePlan,
        rules::VerdictRules,
        share::Share,
        state::{InStep, ReleaseState},
        steps::ReleaseSteps,
        times::StepTimes,
    },
};
use host_store::releases::SteppedRelease;

use super::bench::{Bench, component, spec};
use crate::served::ServingVersion;

/// A release of `version` of `plugin` that is at `share`, with the connection `key`.
pub(crate) fn release_at(share: Share, plugin: &str, version: Digest, key: &str) -> SteppedRelease {
    let people = BTreeMap::from([(key.to_owned(), 1)]);
    SteppedRelease {
        plugin: plugin.to_owned(),
        id: "r-1".to_owned(),
        before: Digest([1; 32]),
        plan: ReleasePlan::new(version, plugin, &people, ReleaseSteps::default()),
        rules: VerdictRules::default(),
        times: StepTimes::default(),
        state: ReleaseState::Running(InStep { share, entered_ms: 0, timed_from_ms: 0 }),
        began_by: "ops".to_owned(),
        began_at: 0,
    }
}

/// Serves a release at `share` of a version of the Iterable connector that differs from the running one in a custom section
/// alone, with the connection `newsletter`. Returns the version.
pub(crate) async fn serve_release(bench: &Bench, share: Share) -> Arc<Plugin> {
    let component = [std::fs::read(component()).unwrap(), vec![0, 3, 1, b'v', 1]].concat();
    let served = &bench.parts.served;
    let version = Arc::new(served.host().load_admitted(component, &LoadPolicy::default()).await.unwrap());
    served.put_release(&release_at(share, "iterable", version.digest(), "newsletter"), &version);
    served.put(spec(&bench.stand_in, "acme", "newsletter"), &ServingVersion::Running).unwrap();
    version
}
