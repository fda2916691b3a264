//! A publisher of releases of the plugin `guest`, for the tests of trust.

use base64::{Engine as _, prelude::BASE64_STANDARD as BASE64};
use host_harness::plugin::LoadPolicy;
use host_model::{contract::ContractVersion, digest::Digest};
use host_trust::{ConformanceResult, ConformanceRun, ReleaseKey, Statement};
use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::KeyPems;

use crate::testing::{Answer, ApiBench};

/// 2100-01-01.
pub(super) const FAR: i64 = 4_102_444_800_000;

pub(super) struct Publisher {
    key: ReleaseKey,
    folder: TempDir,
}

/// A component with its bundle.
#[derive(Clone)]
pub(super) struct Release {
    pub(super) component: Vec<u8>,
    pub(super) bundle: Option<String>,
}

impl Publisher {
    pub(super) fn new() -> Self {
        let (folder, keys) = (tempfile::tempdir().unwrap(), KeyPems::generate());
        std::fs::write(folder.path().join("release.pub"), keys.public).unwrap();
        Self { key: ReleaseKey::from_pem(keys.private.as_bytes()).unwrap(), folder }
    }

    /// The configuration that trusts this publisher alone for the plugin `guest`.
    pub(super) fn trusted(&self) -> String {
        let key = self.folder.path().join("release.pub");
        format!("trust.guest = {{ keys = [{{ file = '{}' }}] }}", key.display())
    }

    pub(super) fn fingerprint(&self) -> String {
        self.key.public().fingerprint().to_string()
    }

    /// Signs `component` as release `revision`.
    pub(super) async fn release(&self, bench: &ApiBench, component: &[u8], revision: u64) -> Release {
        self.release_as(bench, component, |stated| Statement {
            revision: revision.try_into().unwrap(),
            ..stated
        })
        .await
    }

    /// Signs `component` with a statement that `change` makes of revision 1.
    pub(super) async fn release_as(
        &self,
        bench: &ApiBench,
        component: &[u8],
        change: impl FnOnce(Statement) -> Statement,
    ) -> Release {
        let host = bench.parts.served.host();
        let plugin = host.load_admitted(component.to_vec(), &LoadPolicy::default()).await.unwrap();
        let stated = Statement {
            contract: plugin.contract(),
            manifest: plugin.manifest().digest(),
            ..statement(component)
        };
        self.sign(component, &change(stated))
    }

    /// Signs `component`, which does not load, as release `revision`.
    pub(super) fn release_broken(&self, component: &[u8], revision: u64) -> Release {
        let revision = revision.try_into().unwrap();
        self.sign(component, &Statement { revision, ..statement(component) })
    }

    fn sign(&self, component: &[u8], stated: &Statement) -> Release {
        Release { component: component.to_vec(), bundle: Some(self.key.sign(stated).unwrap()) }
    }
}

/// Returns a statement about `component` as revision 1, whose manifest is another one's.
fn statement(component: &[u8]) -> Statement {
    let digest = Digest::of(component);
    Statement {
        plugin: "guest".to_owned(),
        digest,
        version: "1.4.0".to_owned(),
        revision: 1.try_into().unwrap(),
        not_after: FAR,
        contract: ContractVersion::V0_2_0,
        manifest: digest,
        conformance: ConformanceRun { result: ConformanceResult::Passed, seed: 7 },
    }
}

impl Release {
    pub(super) fn body(&self) -> Value {
        json!({"component": BASE64.encode(&self.component), "bundle": self.bundle})
    }

    /// The same component with another bundle.
    pub(super) fn with(&self, bundle: Option<String>) -> Self {
        Self { bundle, ..self.clone() }
    }

    /// Publishes it as a version of `guest`.
    pub(super) async fn publish(&self, bench: &ApiBench, key: &str) -> Answer {
        bench.send(key, "POST", "/api/v1/plugins/guest", Some(self.body())).await
    }

    /// Uploads it without serving it.
    pub(super) async fn upload(&self, bench: &ApiBench, key: &str) -> Answer {
        bench.send(key, "POST", "/api/v1/plugins/guest/versions", Some(self.body())).await
    }
}
