//! A replica that claims some of the due requests, since others are for a version that it has not loaded.

use super::*;

async fn claim_those(
    store: &Store,
    is_for_here: impl Fn(&DueRequest) -> bool + Send + Sync + 'static,
) -> Vec<ClaimedRequest> {
    write(store, move |tx| {
        Box::pin(async move {
            let mut claims = Vec::new();
            for lane in due_lanes(tx, 50).await? {
                let (vault, lease) = (master_key().vault(), lease(50, 150));
                let serves = |_: &ClaimedRequest| Digest([9; 32]);
                claims.extend(claim_some(tx, &vault, &lane, 3, &lease, serves, &is_for_here).await?);
            }
            Ok(claims)
        })
    })
    .await
}

#[tokio::test]
async fn requests_for_another_replica_hold_back_none_however_many_are_due_before_them() {
    let folder = Folder::new();
    let store = folder.store().await;
    connection_row(&store, "acme", "newsletter").await;
    // More than are looked at in one query.
    let ids = write(&store, move |tx| {
        Box::pin(async move {
            let mut ids = Vec::new();
            for number in 1..=1_110_u32 {
                let mut name = name(0);
                name.digest[..4].copy_from_slice(&number.to_be_bytes());
                ids.push(insert(tx, "newsletter", name, Action::Erasure).await?);
            }
            Ok(ids)
        })
    })
    .await;
    let claimed = claim_those(&store, |due| due.seq > 1_100).await;
    let positions: Vec<_> = claimed.iter().map(|claim| claim.seq).collect();
    assert_eq!(positions, [1_101, 1_102, 1_103]);
    let claimed = claim_those(&store, |due| due.seq > 1_100).await;
    assert_eq!(claimed.iter().map(|claim| claim.seq).collect::<Vec<_>>(), [1_104, 1_105, 1_106]);
    let first = claim_those(&store, |due| due.seq == 1).await;
    assert_eq!(first.iter().map(|claim| &claim.id).collect::<Vec<_>>(), [&ids[0]]);
    assert_eq!(claim_those(&store, |_| false).await.len(), 0);
}

#[tokio::test]
async fn a_due_request_shows_which_version_acted_and_which_one_last_contradicted_its_outcome() {
    let folder = Folder::new();
    let store = folder.store().await;
    connection_row(&store, "acme", "newsletter").await;
    request(&store, "newsletter", 1, Action::Erasure).await;
    let contradicted = json!({"ended-by-sandbox": {
        "kind": "bad-answer", "detail": "d", "may_have_acted": true, "contradicted": "erase-erased",
    }});
    // A connector's own words do not look like it.
    let words =
        json!({"error": {"kind": "other", "message": "{\"ended-by-sandbox\":{\"contradicted\":\"x\"}"}});
    for (at, by, result, expected) in [
        (50, 1, words, None),
        (50, 2, contradicted, Some(Digest([2; 32]))),
        (50, 3, json!({"nothing-sent": true}), Some(Digest([2; 32]))),
    ] {
        let claim = claim_all(&store, at).await.remove(0);
        let (digest, step) = (Digest([by; 32]), if by == 3 { Step::Confirm } else { Step::Act });
        let waits = RequestUpdate { step, digest, result, ..change(RequestState::Waiting, at) };
        assert!(ended(&store, &claim, waits).await);
        let expected = expected.map(|digest| digest.to_string());
        let acted_by = (by == 3).then(|| digest.to_string());
        let shows = move |due: &DueRequest| {
            assert_eq!((&due.contradicted_by, &due.acted_by), (&expected, &acted_by));
            false
        };
        assert_eq!(claim_those(&store, shows).await.len(), 0);
    }
}
