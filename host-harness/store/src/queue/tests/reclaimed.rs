//! Tests of claims that are lost, taken back, or handed back.

use super::*;
use crate::{
    cut_off::{reclaim_ended, release_claims, requeue_lost},
    replica_id::ReplicaId,
};

#[tokio::test]
async fn a_worker_that_lost_its_claim_changes_nothing() {
    let folder = Folder::new();
    let store = folder.store().await;
    connection_row(&store, "acme", "newsletter").await;
    let id = request(&store, "newsletter", 1, Action::Erasure).await;
    let lost = claim_all(&store, 10).await.remove(0);
    write(&store, move |tx| {
        Box::pin(async move {
            requeue_lost(tx, &master_key().vault(), &ReplicaId::named("first"), 120, &[]).await
        })
    })
    .await;
    let held = claim_all(&store, 120).await.remove(0);
    assert_eq!((held.generation, held.step), (2, Step::Confirm), "an erasure in progress is confirmed first");
    assert!(!ended(&store, &lost, change(RequestState::Done, 121)).await);
    assert!(ended(&store, &held, change(RequestState::Done, 122)).await);
    assert!(!ended(&store, &held, change(RequestState::Failed, 123)).await, "twice");
    let view =
        store.read(move |c| Box::pin(async move { requests::show(c, &id).await })).await.unwrap().unwrap();
    assert_eq!((view.state, view.finished_at), (RequestState::Done, Some(122)));
}

#[tokio::test]
async fn a_replica_puts_back_its_own_claims_that_it_has_no_attempt_for_however_often() {
    let folder = Folder::new();
    let store = folder.store().await;
    connection_row(&store, "acme", "newsletter").await;
    request(&store, "newsletter", 1, Action::Consent).await;
    let put_back = async |replica: &'static str, at: i64, under_way: &'static [i64]| {
        write(&store, move |tx| {
            let replica = ReplicaId::named(replica);
            Box::pin(async move { requeue_lost(tx, &master_key().vault(), &replica, at, under_way).await })
        })
        .await;
    };
    for at in [100, 200, 300, 400] {
        assert_eq!(claim_all(&store, at).await.len(), 1);
        put_back("second", at, &[]).await;
        put_back("first", at, &[1]).await;
        assert!(claim_all(&store, at).await.is_empty(), "it is another replica's, or under way");
        put_back("first", at, &[]).await;
    }
    assert_eq!(claim_all(&store, 500).await[0].step, Step::Act);
    assert_eq!(open_alarms(&store).await, [], "an outage of the database sets no request aside");
}

#[tokio::test]
async fn a_request_that_the_process_dies_in_three_times_is_set_aside_and_can_be_replayed() {
    let folder = Folder::new();
    let store = folder.store().await;
    connection_row(&store, "acme", "newsletter").await;
    let id = request(&store, "newsletter", 1, Action::Consent).await;
    for at in [100, 200, 300] {
        assert_eq!(claim_all(&store, at).await.len(), 1);
        write(&store, move |tx| {
            Box::pin(async move {
                reclaim_ended(tx, &master_key().vault(), &ReplicaId::named("second"), at).await
            })
        })
        .await;
    }
    assert_eq!(open_alarms(&store).await, [("request-set-aside".to_owned(), id.clone())]);
    let cut_off = "request-attempt-cut-off";
    assert_eq!(audited(&store).await, [cut_off, cut_off, "request-set-aside"]);
    assert!(claim_all(&store, 400).await.is_empty());
    assert_eq!(
        write(&store, move |tx| Box::pin(async move { requests::replay(tx, &id, 400).await })).await,
        RowChange::Changed
    );
    assert_eq!(claim_all(&store, 400).await.len(), 1);
}

#[tokio::test]
async fn a_service_that_stops_often_sets_no_request_aside() {
    let folder = Folder::new();
    let store = folder.store().await;
    connection_row(&store, "acme", "newsletter").await;
    request(&store, "newsletter", 1, Action::Erasure).await;
    for (at, step) in [(100, Step::Act), (200, Step::Confirm), (300, Step::Confirm), (400, Step::Confirm)] {
        let claims = claim_all(&store, at).await;
        assert_eq!(claims.iter().map(|claim| claim.step).collect::<Vec<_>>(), [step]);
        write(&store, move |tx| {
            Box::pin(async move {
                release_claims(tx, &master_key().vault(), &ReplicaId::named("first"), at).await
            })
        })
        .await;
        assert!(!ended(&store, &claims[0], change(RequestState::Done, at)).await, "its claim is lost");
    }
    write(&store, move |tx| {
        Box::pin(
            async move { reclaim_ended(tx, &master_key().vault(), &ReplicaId::named("second"), 500).await },
        )
    })
    .await;
    assert_eq!((open_alarms(&store).await, audited(&store).await.len()), (Vec::new(), 4));
    assert_eq!(claim_all(&store, 500).await.len(), 1);
}
