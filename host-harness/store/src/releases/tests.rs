use std::{collections::BTreeMap, time::Duration};

use host_model::release::{
    call_kind::CallKind,
    compared::CountPlace,
    counts::{CallCounts, CallEnd, VersionCounts},
    plan::Side,
    share::Share,
    state::{InStep, RollBackCause},
    steps::ReleaseSteps,
};

use super::*;
use crate::{
    handle::Store,
    release_counts::{self, AcceptedErasure},
    testing::{Folder, master_key, sql, write},
};

fn share(basis_points: u16) -> Share {
    Share::try_from(basis_points).unwrap()
}

fn running(basis_points: u16) -> ReleaseState {
    ReleaseState::Running(InStep { share: share(basis_points), entered_ms: 17, timed_from_ms: 17 })
}

fn release(id: &str) -> SteppedRelease {
    let people = BTreeMap::from([("newsletter".to_owned(), 100)]);
    SteppedRelease {
        plugin: "iterable".to_owned(),
        id: id.to_owned(),
        before: Digest([1; 32]),
        plan: ReleasePlan::new(Digest([2; 32]), "iterable", &people, ReleaseSteps::default()),
        rules: VerdictRules::default(),
        times: StepTimes::default(),
        state: running(500),
        began_by: "ops".to_owned(),
        began_at: 17,
    }
}

async fn begun(store: &Store, id: &'static str) -> SteppedRelease {
    let new = release(id);
    let stored = new.clone();
    write(store, move |tx| Box::pin(async move { begin(tx, &master_key().vault(), &stored).await })).await;
    new
}

async fn found(store: &Store) -> Result<Option<SteppedRelease>, StoreError> {
    store.read(|c| Box::pin(async move { find(c, &master_key().vault(), "iterable").await })).await
}

async fn advanced(store: &Store, release: &SteppedRelease, from: ReleaseState) -> RowChange {
    let release = release.clone();
    let vault = master_key().vault();
    write(store, move |tx| Box::pin(async move { advance(tx, &vault, &release, &from).await })).await
}

/// Stores what the process `by` counted in all.
async fn put(
    store: &Store,
    id: &'static str,
    by: &'static str,
    totals: BTreeMap<CountPlace, CallCounts>,
) -> RowChange {
    write(store, move |tx| Box::pin(async move { release_counts::put(tx, id, by, &totals, &[]).await })).await
}

async fn accepted(store: &Store, id: &'static str, accepted: Vec<AcceptedErasure>) {
    let none = BTreeMap::new();
    write(store, move |tx| {
        Box::pin(async move { release_counts::put(tx, id, "one", &none, &accepted).await })
    })
    .await;
}

async fn counted(store: &Store, id: &'static str, now: i64) -> BTreeMap<CountPlace, CallCounts> {
    store.read(move |c| Box::pin(release_counts::of_release(c, id, 100, now))).await.unwrap()
}

fn calls(kind: CallKind, number: u64) -> CallCounts {
    let mut counts = VersionCounts::default();
    for _ in 0..number {
        counts.record(kind, CallEnd::OtherError, Duration::from_millis(3));
    }
    counts.of(kind)
}

#[tokio::test]
async fn a_release_is_found_as_it_was_stored_and_another_one_takes_its_place() {
    let folder = Folder::new();
    let store = folder.store().await;
    assert_eq!(found(&store).await.unwrap(), None);
    let first = begun(&store, "first").await;
    assert_eq!(found(&store).await.unwrap(), Some(first));
    let second = begun(&store, "second").await;
    assert_eq!(found(&store).await.unwrap(), Some(second));
}

#[tokio::test]
async fn of_two_who_move_a_release_from_the_same_state_one_does() {
    let folder = Folder::new();
    let store = folder.store().await;
    let first = begun(&store, "first").await;
    let by = RollBackCause::Operator { by: "ops".to_owned() };
    let rolled_back = SteppedRelease {
        state: ReleaseState::RolledBack { from: share(500), by, at_ms: 40 },
        ..first.clone()
    };
    let next = SteppedRelease { state: running(2_500), ..first.clone() };
    assert_eq!(advanced(&store, &next, first.state.clone()).await, RowChange::Changed);
    assert_eq!(advanced(&store, &rolled_back, first.state.clone()).await, RowChange::Unchanged);
    assert_eq!(found(&store).await.unwrap(), Some(next.clone()));
    assert_eq!(advanced(&store, &rolled_back, next.state).await, RowChange::Changed);
    assert_eq!(found(&store).await.unwrap(), Some(rolled_back));
    // Of another release in the same state, neither.
    let second = begun(&store, "second").await;
    assert_eq!(advanced(&store, &first, second.state.clone()).await, RowChange::Unchanged);
}

#[tokio::test]
async fn a_release_that_was_changed_from_outside_is_an_error() {
    for change in [
        "UPDATE releases SET digest = zeroblob(32)",
        "UPDATE releases SET before = zeroblob(32)",
        "UPDATE releases SET state = REPLACE(state, '500', '9000')",
        "UPDATE releases SET plan = REPLACE(plan, '500', '501')",
        "UPDATE releases SET rules = '{}'",
        "UPDATE releases SET ended_at = 1",
        "UPDATE releases SET mac = zeroblob(32)",
    ] {
        let folder = Folder::new();
        let store = folder.store().await;
        begun(&store, "first").await;
        sql(&store, change).await;
        let error = found(&store).await.unwrap_err();
        assert!(matches!(error, StoreError::NotAuthentic(_)), "{change}: {error}");
        let foreign = store.read(|c| {
            Box::pin(async move { crate::authentic::foreign_rows(c, &master_key().vault()).await })
        });
        let foreign: Vec<_> = foreign.await.unwrap().into_iter().map(|row| row.what).collect();
        assert_eq!(foreign, ["release of plugin iterable"], "{change}");
    }
}

#[tokio::test]
async fn what_replicas_counted_adds_up_by_version_step_kind_and_connection() {
    let folder = Folder::new();
    let store = folder.store().await;
    begun(&store, "first").await;
    let place = |side, at, kind| CountPlace::of_call(side, share(at), kind, "newsletter");
    let erasures = place(Side::Released, 500, CallKind::Erasure);
    let deliveries = place(Side::Before, 500, CallKind::WebhookVerify);
    let later = place(Side::Released, 2_500, CallKind::Erasure);
    let (three, four) = (calls(CallKind::Erasure, 3), calls(CallKind::Erasure, 4));
    put(&store, "first", "one", BTreeMap::from([(erasures.clone(), three.clone())])).await;
    let verified = calls(CallKind::WebhookVerify, 2);
    let more = [
        (erasures.clone(), four.clone()),
        (deliveries.clone(), verified.clone()),
        (later.clone(), three.clone()),
    ];
    // As after a commit of which it is not known whether it took place.
    for _ in 0..2 {
        put(&store, "first", "two", BTreeMap::from(more.clone())).await;
    }
    let expected =
        [(erasures.clone(), calls(CallKind::Erasure, 7)), (deliveries, verified), (later, three.clone())];
    let expected = BTreeMap::from(expected);
    assert_eq!(counted(&store, "first", 0).await, expected);
    // A process stores its total, not what it counted since.
    put(&store, "first", "one", BTreeMap::from([(erasures.clone(), four)])).await;
    assert_eq!(counted(&store, "first", 0).await[&erasures], calls(CallKind::Erasure, 8));
    // What comes late for a release that ended, or was replaced, is not counted for another one.
    begun(&store, "second").await;
    assert_eq!(counted(&store, "first", 0).await, BTreeMap::new());
    let late = BTreeMap::from([(place(Side::Before, 500, CallKind::Erasure), three)]);
    assert_eq!(put(&store, "first", "one", late).await, RowChange::Unchanged);
    assert_eq!(counted(&store, "first", 0).await, BTreeMap::new());
    assert_eq!(counted(&store, "second", 0).await, BTreeMap::new());
}

#[tokio::test]
async fn an_accepted_erasure_counts_once_its_time_for_a_proof_has_passed() {
    let folder = Folder::new();
    let store = folder.store().await;
    begun(&store, "first").await;
    for (seq, state, finished) in
        [(1, "done", "1050"), (2, "done", "1150"), (3, "open", "NULL"), (4, "done", "1950")]
    {
        sql(
            &store,
            format!(
                "INSERT INTO requests (seq, id, tenant, connection, action, person, state, step, received_at, finished_at) \
                 VALUES ({seq}, 'r{seq}', 'acme', 'newsletter', 'erasure', 1, '{state}', 'confirm', 0, {finished})"
            ),
        )
        .await;
    }
    let erasure = |request, accepted_at| AcceptedErasure {
        request,
        side: Side::Released,
        share: share(500),
        accepted_at,
    };
    let all = vec![erasure(1, 1_000), erasure(2, 1_000), erasure(3, 1_000), erasure(4, 1_900)];
    accepted(&store, "first", all.clone()).await;
    accepted(&store, "first", all).await;
    let place = CountPlace::of_call(Side::Released, share(500), CallKind::Erasure, "newsletter");
    let at = async |now| {
        let counts = counted(&store, "first", now).await.remove(&place).unwrap_or_default();
        (counts.proofs_due, counts.proven)
    };
    assert_eq!(at(1_099).await, (0, 0));
    // The second was proven too late, the third never.
    assert_eq!(at(1_100).await, (3, 1));
    assert_eq!(at(2_000).await, (4, 2));
}
