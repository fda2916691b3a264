use std::time::Duration;

use host_harness::clock::Clock as _;
use host_model::{contract::ContractVersion, plugin_version::VersionSource, release::share::Share};
use host_store::releases;
use host_trust::{ConformanceResult, ConformanceRun, ReleaseKey, Required, Statement};
use test_support::KeyPems;

use super::*;
use crate::testing::{bench::Bench, releases::release_at};

/// 2100-01-01.
const FAR: i64 = 4_102_444_800_000;

fn bundle(key: &ReleaseKey, component: &[u8], revision: u64, not_after: i64) -> Vec<u8> {
    let statement = Statement {
        plugin: "iterable".to_owned(),
        digest: Digest::of(component),
        version: "1.0.0".to_owned(),
        revision: revision.try_into().unwrap(),
        not_after,
        contract: ContractVersion::V0_2_0,
        manifest: Digest([0; 32]),
        conformance: ConformanceRun { result: ConformanceResult::Passed, seed: 1 },
    };
    key.sign(&statement).unwrap().into_bytes()
}

/// Trusts a new key for the plugin `iterable`.
fn trusting(bench: &Bench) -> ReleaseKey {
    let key = ReleaseKey::from_pem(KeyPems::generate().private.as_bytes()).unwrap();
    let trust = Trust::new("iterable", key.public(), Required::Statement);
    bench.parts.served.host().admission().set_trust([("iterable".to_owned(), trust)].into());
    key
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_whose_statement_expires_during_its_release_may_still_complete_it() {
    let bench = Bench::new().await;
    let connections = bench.parts.connections.clone();
    let key = trusting(&bench);
    let (component, now) = (b"released", bench.clock.date_ms());
    let version = Version {
        bundle: Some(bundle(&key, component, 1, now + 1_000)),
        ..Version::new("iterable", Digest::of(component), component.len(), VersionSource::Upload)
    };
    assert!(connections.verified_stored(&version, component).await.unwrap().is_some());
    bench.clock.advance(Duration::from_secs(2));
    let expired = connections.verified_stored(&version, component).await.unwrap_err();
    assert!(matches!(expired, PublishError::NotTrusted(Refusal::Expired { .. })), "{expired}");
    let release = release_at(Share::WHOLE, "iterable", version.digest, "newsletter");
    let vault = bench.parts.store.vault().clone();
    let begun = bench
        .parts
        .store
        .write(move |tx| Box::pin(async move { releases::begin(tx, &vault, &release).await }));
    begun.await.unwrap();
    assert!(connections.verified_stored(&version, component).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_was_verified_before_a_newer_one_was_admitted_is_refused_as_it_is_to_be_stored() {
    let bench = Bench::new().await;
    let connections = bench.parts.connections.clone();
    let key = trusting(&bench);
    let verified = async |component: &'static [u8], revision| {
        let bundle = bundle(&key, component, revision, FAR);
        connections.verified("iterable", component, Some(bundle)).await.unwrap().unwrap()
    };
    // Both are verified before either is stored, as by two replicas.
    let (older, newer) = (verified(b"older", 1).await, verified(b"newer", 2).await);
    let admitted = async |release: VerifiedRelease| {
        let vault = bench.parts.store.vault().clone();
        bench.parts.store.try_write(move |tx| Box::pin(async move { release.admit(tx, &vault).await })).await
    };
    admitted(newer.clone()).await.unwrap();
    let refused = admitted(older).await.unwrap_err();
    assert!(matches!(refused, PublishError::NotTrusted(Refusal::Replayed { .. })), "{refused}");
    admitted(newer).await.unwrap();
    assert_eq!(connections.mark("iterable").await.unwrap().unwrap().digest, Digest::of(b"newer"));
}
