use host_model::plugin_version::{VersionSource, VersionState};
use serde_json::json;

use super::*;
use crate::{
    handle::Store,
    replicas,
    testing::{Folder, master_key, write},
    versions::{self, Version},
};

fn operation(number: i64, digest: Option<Digest>) -> PluginOperation {
    PluginOperation {
        id: format!("o-{number}"),
        plugin: "iterable".into(),
        action: PluginAction::RollBack,
        digest,
        actor: "ops".into(),
        began_at: number,
        state: OperationState::Running,
        is_of_other: false,
        ended_at: None,
        answer: None,
    }
}

async fn begun(store: &Store, operation: PluginOperation) {
    write(store, move |tx| Box::pin(async move { begin(tx, &ReplicaId::named("first"), &operation).await }))
        .await;
}

async fn found(store: &Store, id: &'static str) -> Option<PluginOperation> {
    found_by(store, "first", id).await
}

async fn found_by(store: &Store, replica: &'static str, id: &'static str) -> Option<PluginOperation> {
    let replica = ReplicaId::named(replica);
    store.read(move |c| Box::pin(async move { find(c, &replica, id).await })).await.unwrap()
}

/// Stores a step of the version `number`.
async fn reached(store: &Store, number: u8, state: VersionState, by: &'static str) {
    let version = Version::new("iterable", Digest([number; 32]), 1, VersionSource::Upload);
    let (actor, operation) = ("ops".to_owned(), Some(by.to_owned()));
    let step = VersionStep { state, at: 7, took_ms: 1, actor, reason: None, evidence: None, operation };
    write(store, move |tx| {
        Box::pin(async move { versions::advance(tx, &master_key().vault(), &version, &step).await })
    })
    .await;
}

#[tokio::test]
async fn an_operation_has_the_steps_that_it_caused_and_their_version() {
    let folder = Folder::in_memory();
    let store = folder.store().await;
    begun(&store, operation(1, None)).await;
    assert_eq!(found(&store, "o-1").await, Some(operation(1, None)));
    reached(&store, 3, VersionState::Proven, "o-other").await;
    reached(&store, 1, VersionState::Retired, "o-1").await;
    assert_eq!(found(&store, "o-1").await.unwrap().digest, None, "the replaced one is not its version");
    reached(&store, 2, VersionState::Serving, "o-1").await;
    assert_eq!(found(&store, "o-1").await.unwrap().digest, Some(Digest([2; 32])));
    let steps = store.read(|c| Box::pin(steps(c, "o-1"))).await.unwrap();
    assert_eq!(steps.iter().map(|step| step.state).collect::<Vec<_>>(), [VersionState::Serving]);
    write(&store, |tx| {
        Box::pin(async move { end(tx, "o-1", OperationState::Failed, 9, &json!({"status": 409})).await })
    })
    .await;
    let ended = found(&store, "o-1").await.unwrap();
    assert_eq!((ended.state, ended.ended_at), (OperationState::Failed, Some(9)));
    assert_eq!(ended.answer, Some(json!({"status": 409})));
}

#[tokio::test]
async fn the_latest_operations_alone_are_kept() {
    let folder = Folder::in_memory();
    let store = folder.store().await;
    for number in 1..=MAX_KEPT_OPERATIONS + 2 {
        begun(&store, operation(number, None)).await;
    }
    let kept = store.read(|c| Box::pin(ids_of_plugin(c, "iterable"))).await.unwrap();
    let latest = (3..=MAX_KEPT_OPERATIONS + 2).rev().map(|number| format!("o-{number}"));
    assert_eq!(kept, latest.collect::<Vec<_>>());
}

#[tokio::test]
async fn an_operation_of_another_replica_is_carried_out_as_long_as_that_one_is_there() {
    let folder = Folder::new();
    let store = folder.store().await;
    begun(&store, operation(1, None)).await;
    let is_of_other = async || found_by(&store, "second", "o-1").await.unwrap().is_of_other;
    assert!(!is_of_other().await);
    write(&store, |tx| {
        Box::pin(async move { replicas::join(tx, &ReplicaId::named("first"), "first").await })
    })
    .await;
    assert!(is_of_other().await);
    assert!(!found(&store, "o-1").await.unwrap().is_of_other);
}
