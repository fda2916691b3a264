mod holding;
mod moved;
mod reclaimed;
mod some;
mod writers;

use serde_json::json;

use super::*;
use crate::{
    RowChange, ages, alarms,
    handle::Store,
    people, requests,
    seal::PersonName,
    testing::{ENQUEUE, Folder, connection_row, in_dialect, lease, master_key, name, new_request, write},
};

/// Stores a request of the person with the name `person`. Returns its id.
async fn request(store: &Store, connection: &'static str, person: u8, action: Action) -> String {
    write(store, move |tx| Box::pin(insert(tx, connection, name(person), action))).await
}

async fn insert(
    tx: &mut Tx,
    connection: &'static str,
    name: PersonName,
    action: Action,
) -> Result<String, StoreError> {
    let id = uuid::Uuid::now_v7().to_string();
    let person = people::known_as(tx, connection, &[name]).await?;
    requests::insert(tx, &new_request(&id, connection, person, action)).await?;
    Ok(id)
}

async fn lanes(store: &Store, now: i64) -> Vec<(String, Action, Step)> {
    let lanes = store.read(move |connection| Box::pin(due_lanes(connection, now))).await.unwrap();
    lanes.into_iter().map(|lane| (lane.connection, lane.action, lane.step)).collect()
}

/// Claims all due requests in every lane.
async fn claim_all(store: &Store, now: i64) -> Vec<ClaimedRequest> {
    write(store, move |tx| {
        Box::pin(async move {
            let mut claims = Vec::new();
            for lane in due_lanes(tx, now).await? {
                claims.extend(
                    claim(tx, &master_key().vault(), &lane, 10, &lease(now, now + 100), |_| Digest([9; 32]))
                        .await?,
                );
            }
            Ok(claims)
        })
    })
    .await
}

fn ids(claims: &[ClaimedRequest]) -> Vec<String> {
    claims.iter().map(|claim| claim.id.clone()).collect()
}

fn change(state: RequestState, at: i64) -> RequestUpdate {
    RequestUpdate {
        has_writer_failed: false,
        state,
        step: Step::Act,
        next_at: at,
        failures: 0,
        is_acknowledged: false,
        reference: None,
        reference_by: None,
        digest: Digest([7; 32]),
        outcome: Some(json!({ "receipt": "r" })),
        reason: None,
        sealed_details: None,
        result: json!({}),
        observed: json!({}),
        contradicted_by: None,
        at,
    }
}

async fn ended(store: &Store, claim: &ClaimedRequest, change: RequestUpdate) -> bool {
    let claim = claim.clone();
    write(store, move |tx| Box::pin(async move { end(tx, &claim, &change).await })).await
        == RowChange::Changed
}

#[tokio::test]
async fn one_persons_requests_run_one_after_another_and_other_peoples_beside_them() {
    let folder = Folder::new();
    let store = folder.store().await;
    connection_row(&store, "acme", "newsletter").await;
    let first = request(&store, "newsletter", 1, Action::Consent).await;
    let second = request(&store, "newsletter", 1, Action::Erasure).await;
    let third = request(&store, "newsletter", 1, Action::Consent).await;
    let other = request(&store, "newsletter", 2, Action::Consent).await;
    let claims = claim_all(&store, 10).await;
    assert_eq!(ids(&claims), [first, other]);
    assert!(claim_all(&store, 10).await.is_empty(), "the first one is still in progress");
    assert!(ended(&store, &claims[0], change(RequestState::Done, 11)).await);
    let next = claim_all(&store, 11).await;
    assert_eq!(ids(&next), std::slice::from_ref(&second));
    // An erasure that waits for its confirmation holds back the person's later consent requests.
    let confirming = RequestUpdate { step: Step::Confirm, next_at: 50, ..change(RequestState::Waiting, 12) };
    assert!(ended(&store, &next[0], confirming).await);
    assert!(claim_all(&store, 12).await.is_empty());
    let confirm = claim_all(&store, 50).await;
    assert_eq!((ids(&confirm), confirm[0].step), (vec![second], Step::Confirm));
    assert!(ended(&store, &confirm[0], change(RequestState::Done, 51)).await);
    assert_eq!(ids(&claim_all(&store, 51).await), [third]);
}

#[tokio::test]
async fn a_persons_next_request_waits_until_the_last_one_has_settled() {
    let folder = Folder::new();
    let store = folder.store().await;
    connection_row(&store, "acme", "newsletter").await;
    request(&store, "newsletter", 1, Action::Consent).await;
    let claims = claim_all(&store, 10).await;
    let claim = claims[0].clone();
    write(&store, move |tx| {
        Box::pin(async move {
            let person = person_of(tx, &claim).await?.unwrap();
            people::settles_at(tx, person, 100).await
        })
    })
    .await;
    assert!(ended(&store, &claims[0], change(RequestState::Done, 11)).await);
    let next = request(&store, "newsletter", 1, Action::Consent).await;
    assert!(claim_all(&store, 99).await.is_empty());
    assert_eq!(ids(&claim_all(&store, 100).await), [next]);
}

async fn open_alarms(store: &Store) -> Vec<(String, String)> {
    let open = store.read(|connection| Box::pin(alarms::open(connection))).await.unwrap();
    open.into_iter().map(|alarm| (alarm.kind, alarm.about)).collect()
}

/// Returns the actions recorded in the audit chain, oldest first.
async fn audited(store: &Store) -> Vec<String> {
    let what = "SELECT json_extract(record, '$.what') FROM audit ORDER BY line";
    let lines =
        store.read(move |c| Box::pin(async move { Ok(sqlx::query_scalar(what).fetch_all(c).await?) }));
    lines.await.unwrap()
}

#[tokio::test]
async fn a_request_that_cannot_be_read_is_set_aside_with_an_alarm_and_the_others_continue() {
    let folder = Folder::new();
    let store = folder.store().await;
    connection_row(&store, "acme", "newsletter").await;
    let damaged = request(&store, "newsletter", 1, Action::Erasure).await;
    let sound = request(&store, "newsletter", 2, Action::Erasure).await;
    let id = damaged.clone();
    write(&store, move |tx| {
        Box::pin(async move {
            sqlx::query("UPDATE requests SET outcome = '{' WHERE id = $1").bind(id).execute(tx).await?;
            Ok(())
        })
    })
    .await;
    assert_eq!(ids(&claim_all(&store, 100).await), [sound]);
    assert_eq!(open_alarms(&store).await, [("request-set-aside".to_owned(), damaged.clone())]);
    assert_eq!(audited(&store).await, ["request-set-aside"]);
    let state = "SELECT r.state || ' ' || r.finished_at || ' ' || CASE WHEN o.seq IS NULL THEN 'none' ELSE 'open' END \
                 FROM requests r LEFT JOIN open_requests o ON o.seq = r.seq WHERE r.id = $1";
    let state = store.read(move |connection| {
        Box::pin(async move {
            Ok(sqlx::query_scalar::<_, String>(state).bind(damaged).fetch_one(connection).await?)
        })
    });
    assert_eq!(state.await.unwrap(), "failed 100 none");
}

#[tokio::test]
async fn a_request_that_is_through_has_lost_its_key_and_what_it_sealed() {
    let folder = Folder::new();
    let store = folder.store().await;
    connection_row(&store, "acme", "newsletter").await;
    for (person, state, is_kept) in
        [(1, RequestState::Done, 0), (2, RequestState::Skipped, 0), (3, RequestState::Failed, 1)]
    {
        request(&store, "newsletter", person, Action::Consent).await;
        let claims = claim_all(&store, 10).await;
        assert!(ended(&store, &claims[0], change(state, 11)).await);
        let seq = claims[0].seq;
        let kept = store
            .read(move |connection| {
                Box::pin(async move {
                    let kept = "SELECT (SELECT COUNT(*) FROM request_keys WHERE request = $1) + \
                                (SELECT COUNT(sealed_details) FROM requests WHERE seq = $1)";
                    Ok(sqlx::query_scalar::<_, i64>(kept).bind(seq).fetch_one(connection).await?)
                })
            })
            .await;
        assert_eq!(kept.unwrap(), 2 * is_kept, "{state}");
    }
    write(&store, |tx| Box::pin(ages::destroy_old(tx, 11))).await;
    assert_eq!(keys(&store).await, 1, "the failed one can still be replayed");
    write(&store, |tx| Box::pin(ages::destroy_old(tx, 12))).await;
    assert_eq!(keys(&store).await, 0);
}

#[tokio::test]
async fn an_alarm_of_a_late_request_is_recorded_once_for_each_day() {
    let folder = Folder::new();
    let store = folder.store().await;
    connection_row(&store, "acme", "newsletter").await;
    request(&store, "newsletter", 1, Action::Erasure).await;
    for (day, change) in [(7, RowChange::Changed), (7, RowChange::Unchanged), (14, RowChange::Changed)] {
        assert_eq!(write(&store, move |tx| Box::pin(ages::record_alarm(tx, 1, day))).await, change);
    }
}

async fn keys(store: &Store) -> i64 {
    let count = store.read(|connection| {
        Box::pin(async move {
            Ok(sqlx::query_scalar("SELECT COUNT(*) FROM request_keys").fetch_one(connection).await?)
        })
    });
    count.await.unwrap()
}

#[tokio::test]
async fn a_person_who_turns_out_to_be_another_during_an_attempt_is_still_the_one_it_is_about() {
    let folder = Folder::new();
    let store = folder.store().await;
    connection_row(&store, "acme", "newsletter").await;
    let older = write(&store, move |tx| {
        Box::pin(async move { people::known_as(tx, "newsletter", &[name(1)]).await })
    });
    let older = older.await;
    request(&store, "newsletter", 2, Action::Erasure).await;
    let claim = claim_all(&store, 10).await.remove(0);
    let (current, lost) = write(&store, move |tx| {
        Box::pin(async move {
            people::known_as(tx, "newsletter", &[name(2), name(1)]).await?;
            let gone = ClaimedRequest { generation: claim.generation + 1, ..claim.clone() };
            Ok((person_of(tx, &claim).await?, person_of(tx, &gone).await?))
        })
    })
    .await;
    assert_eq!((current, lost), (Some(older), None));
}

#[tokio::test]
async fn a_request_that_is_replayed_waits_for_the_one_of_that_person_that_runs() {
    let folder = Folder::new();
    let store = folder.store().await;
    connection_row(&store, "acme", "newsletter").await;
    let failed = request(&store, "newsletter", 1, Action::Erasure).await;
    let claims = claim_all(&store, 10).await;
    assert!(ended(&store, &claims[0], change(RequestState::Failed, 11)).await);
    request(&store, "newsletter", 1, Action::Consent).await;
    let running = claim_all(&store, 12).await;
    assert_eq!(
        write(&store, move |tx| Box::pin(async move { requests::replay(tx, &failed, 13).await })).await,
        RowChange::Changed
    );
    assert!(claim_all(&store, 13).await.is_empty());
    assert!(ended(&store, &running[0], change(RequestState::Done, 14)).await);
    assert_eq!(claim_all(&store, 14).await.len(), 1);
}

/// Creates a backlog of `many` consent requests, each of a different person, accepted at 10.
async fn backlog(store: &Store, connection: &'static str, many: i64) {
    write(store, move |tx| {
        Box::pin(async move {
            for sql in [
                "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $2) \
                 INSERT INTO people (connection) SELECT $1 FROM n",
                "INSERT INTO requests (id, tenant, connection, person, action, state, step, sealed_details, received_at) \
                 SELECT 'r-' || id, 'acme', $1, id, 'consent', 'open', 'act', x'01', 10 FROM people \
                 WHERE connection = $1 LIMIT $2",
                "INSERT INTO request_keys (request, data_key) SELECT seq, x'02' FROM requests \
                 WHERE connection = $1 LIMIT $2",
            ] {
                let sql = in_dialect(tx, sql);
                sqlx::query(sql).bind(connection).bind(many).execute(&mut *tx).await?;
            }
            sqlx::query(ENQUEUE).execute(tx).await?;
            Ok(())
        })
    })
    .await;
}

#[tokio::test]
async fn a_backlog_of_ten_thousand_is_claimed_by_the_share_and_another_tenants_request_beside_it() {
    const SHARE: usize = 4;
    let folder = Folder::new();
    let store = folder.store().await;
    connection_row(&store, "acme", "newsletter").await;
    connection_row(&store, "other", "shop").await;
    backlog(&store, "newsletter", 10_000).await;
    let theirs = request(&store, "shop", 1, Action::Consent).await;
    let claims = write(&store, |tx| {
        Box::pin(async move {
            let mut claims = Vec::new();
            for lane in due_lanes(tx, 10).await? {
                claims.extend(
                    claim(tx, &master_key().vault(), &lane, SHARE, &lease(10, 110), |_| Digest([9; 32]))
                        .await?,
                );
            }
            Ok(claims)
        })
    });
    let claims = claims.await;
    let place = claims.iter().position(|claim| claim.id == theirs);
    assert!(place.is_some_and(|before| before <= SHARE), "{place:?} of {}", claims.len());
    let of_backlog: Vec<_> =
        claims.iter().filter(|claim| claim.id != theirs).map(|claim| claim.seq).collect();
    assert_eq!(of_backlog, [1, 2, 3, 4], "in the order accepted");
}
