//! Tests of replicas, of their lead, and of the changes that they serve.

use host_model::digest::Digest;

use super::*;
use crate::{
    changes::{ChangeKind, NewChange, ReplicatedChange, after, last},
    handle::Store,
    preparations,
    testing::{Folder, sql, write},
};

fn named(name: &str) -> ReplicaId {
    ReplicaId::named(name)
}

async fn joins(store: &Store, name: &'static str) {
    write(store, move |tx| Box::pin(async move { join(tx, &named(name), name).await })).await;
}

async fn beats(store: &Store, name: &'static str) -> Result<Beat, StoreError> {
    let versions = ServedVersions::from([("iterable".to_owned(), "sha256:00".to_owned())]);
    store.write(move |tx| Box::pin(async move { beat(tx, &named(name), &versions, 0).await })).await
}

/// Removes the replica with as many signs of life as `seen` says.
async fn removes(store: &Store, seen: &SignOfLife) -> RowChange {
    let seen = seen.clone();
    write(store, move |tx| Box::pin(async move { remove(tx, &seen, 9).await })).await
}

#[tokio::test]
async fn the_first_replica_leads_until_it_is_removed_and_the_next_begins_a_new_term() {
    let folder = Folder::new();
    let store = folder.store().await;
    for name in ["first", "second"] {
        joins(&store, name).await;
    }
    let first = beats(&store, "first").await.unwrap().tenure.unwrap();
    assert_eq!(first.term(), 1);
    assert_eq!(beats(&store, "first").await.unwrap().tenure, Some(first.clone()), "it goes on");
    let second = beats(&store, "second").await.unwrap();
    assert_eq!((second.tenure, second.others), (None, vec![SignOfLife { id: named("first"), beats: 2 }]));
    let seen = SignOfLife { id: named("first"), beats: 2 };
    assert_eq!(removes(&store, &seen).await, RowChange::Changed);
    assert_eq!(beats(&store, "second").await.unwrap().tenure.unwrap().term(), 2);
    assert!(matches!(beats(&store, "first").await, Err(StoreError::TakenOver)));
    let write = store.clone();
    let duty = async move { write.write(|tx| Box::pin(async move { last(tx).await })).await };
    assert!(matches!(first.scope(duty).await, Err(StoreError::LeadLost)), "its duties write no more");
}

#[tokio::test]
async fn a_replica_that_gives_a_sign_of_life_in_the_last_moment_is_not_removed() {
    let folder = Folder::new();
    let store = folder.store().await;
    for name in ["first", "second"] {
        joins(&store, name).await;
    }
    let seen = beats(&store, "second").await.unwrap().others.remove(0);
    beats(&store, "first").await.unwrap();
    assert_eq!(removes(&store, &seen).await, RowChange::Unchanged);
    let all = store.read(|c| Box::pin(all(c))).await.unwrap();
    let shown: Vec<_> = all.iter().map(|one| (one.name.as_str(), one.leads_since.is_some())).collect();
    assert_eq!(shown, [("first", false), ("second", true)]);
    assert_eq!(all[1].versions["iterable"], "sha256:00");
}

#[tokio::test]
async fn a_silent_replica_is_an_alarm_until_one_starts_on_the_same_machine() {
    let folder = Folder::new();
    let store = folder.store().await;
    for name in ["lost:1", "first:2"] {
        joins(&store, name).await;
    }
    let open = async || {
        let open = store.read(|c| Box::pin(alarms::open(c))).await.unwrap();
        open.into_iter().map(|alarm| (alarm.kind, alarm.about)).collect::<Vec<_>>()
    };
    let mut others = beats(&store, "first:2").await.unwrap().others;
    assert_eq!(removes(&store, &others.remove(0)).await, RowChange::Changed);
    let alarm = vec![("replica-silent".to_owned(), "lost".to_owned())];
    assert_eq!(open().await, alarm);
    joins(&store, "another:1").await;
    assert_eq!(open().await, alarm);
    joins(&store, "lost:3").await;
    assert_eq!(open().await, []);

    // One that ended and was started again before the others knew.
    joins(&store, "lost:4").await;
    let others = beats(&store, "first:2").await.unwrap().others;
    let former = others.into_iter().find(|other| other.id == named("lost:3")).unwrap();
    assert_eq!(removes(&store, &former).await, RowChange::Changed);
    assert_eq!(open().await, []);
}

#[tokio::test]
async fn a_process_whose_work_was_taken_over_writes_nothing_more_if_the_database_is_shared() {
    let folder = Folder::new();
    let store = folder.store().await;
    let other = folder.store().await;
    store.serve_as("one".to_owned()).await.unwrap();
    sql(&store, "UPDATE marks SET name = name").await;
    sql(&other, "DELETE FROM replicas").await;
    let refused = store.write(|tx| Box::pin(async move { last(tx).await })).await;
    if store.is_shared() {
        assert!(matches!(refused, Err(StoreError::TakenOver)), "{refused:?}");
    } else {
        assert_eq!(refused.unwrap(), 0);
    }
}

#[tokio::test]
async fn a_file_is_served_by_one_process_so_those_before_have_ended() {
    let folder = Folder::new();
    let store = folder.file_store().await;
    joins(&store, "before").await;
    store.serve_as("now".to_owned()).await.unwrap();
    let all = store.read(|c| Box::pin(all(c))).await.unwrap();
    assert_eq!(all.iter().map(|one| &one.id).collect::<Vec<_>>(), [store.replica()]);
}

/// Records a change of `replica`, which serves all changes up to `applied`.
async fn changed(
    store: &Store,
    replica: &'static str,
    applied: i64,
    kind: ChangeKind,
    name: &'static str,
) -> Result<(), StoreError> {
    let change = NewChange { replica: named(replica), applied, kind, name: name.to_owned() };
    store.write(move |tx| Box::pin(async move { change.record(tx).await })).await
}

#[tokio::test]
async fn the_latest_change_of_each_subject_is_numbered_in_the_order_of_changes() {
    let folder = Folder::new();
    let store = folder.store().await;
    for kind in [ChangeKind::Connection, ChangeKind::Plugin, ChangeKind::Connection] {
        changed(&store, "first", 0, kind, "newsletter").await.unwrap();
    }
    joins(&store, "second").await;
    let change =
        |kind, number| ReplicatedChange { kind, name: "newsletter".into(), number, replica: named("first") };
    let read = |number| store.read(move |c| Box::pin(async move { after(c, number).await }));
    let latest = [change(ChangeKind::Plugin, 2), change(ChangeKind::Connection, 3)];
    assert_eq!(read(0).await.unwrap(), latest);
    assert_eq!(read(2).await.unwrap(), latest[1..]);
    let replicas = store.read(|c| Box::pin(all(c))).await.unwrap();
    assert_eq!(replicas[0].behind, 0, "it starts with what is stored");
}

#[tokio::test]
async fn what_another_replica_changed_is_not_changed_before_it_is_served() {
    let folder = Folder::new();
    let store = folder.store().await;
    changed(&store, "first", 0, ChangeKind::Connection, "newsletter").await.unwrap();
    changed(&store, "first", 0, ChangeKind::Connection, "newsletter").await.unwrap();
    let refused = changed(&store, "second", 1, ChangeKind::Connection, "newsletter").await;
    assert!(matches!(refused, Err(StoreError::ChangedMeanwhile)), "{refused:?}");
    changed(&store, "second", 1, ChangeKind::Connection, "other").await.unwrap();
    changed(&store, "second", 2, ChangeKind::Connection, "newsletter").await.unwrap();
}

#[tokio::test]
async fn a_version_is_prepared_at_each_replica_that_is_there() {
    let folder = Folder::new();
    let store = folder.store().await;
    let digest = Digest::of(b"component");
    for name in ["first", "second", "third"] {
        joins(&store, name).await;
    }
    let at_others = async || {
        let read = store.read(move |c| {
            Box::pin(async move { preparations::at_others(c, &named("first"), "iterable", digest).await })
        });
        read.await.unwrap().into_iter().map(|one| (one.name, one.is_over, one.problem)).collect::<Vec<_>>()
    };
    let ends = async |replica: &'static str, problem: Option<&'static str>| {
        write(&store, move |tx| {
            Box::pin(async move { preparations::end(tx, &named(replica), "iterable", digest, problem).await })
        })
        .await;
    };
    let not_yet = |name: &str| (name.to_owned(), false, None);
    assert_eq!(at_others().await, [not_yet("second"), not_yet("third")]);
    ends("second", None).await;
    ends("third", Some("it does not load")).await;
    let third = ("third".to_owned(), true, Some("it does not load".to_owned()));
    assert_eq!(at_others().await, [("second".to_owned(), true, None), third]);
    write(&store, move |tx| Box::pin(async move { preparations::begin(tx, "iterable", digest).await })).await;
    assert_eq!(at_others().await, [not_yet("second"), not_yet("third")]);
}
