//! Which version confirms an erasure.

use super::*;
use crate::testing::sql;

#[tokio::test]
async fn an_erasure_is_confirmed_by_the_version_that_gave_its_reference_while_it_is_kept_and_not_withdrawn() {
    let folder = Folder::new();
    let store = folder.store().await;
    connection_row(&store, "acme", "newsletter").await;
    let id = request(&store, "newsletter", 1, Action::Erasure).await;
    for statement in [
        "INSERT INTO versions (plugin, digest, size, source, state, mac) \
         SELECT plugin, zeroblob(32), 1, 'upload', 'retired', x'' FROM connections",
        "INSERT INTO components (digest, bytes) VALUES (zeroblob(32), x'')",
    ] {
        sql(&store, statement).await;
    }
    let writer = Digest([0; 32]);
    let referred = |at| RequestUpdate {
        step: Step::Confirm,
        reference: Some("job 17".into()),
        reference_by: Some(writer),
        ..change(RequestState::Waiting, at)
    };
    let claim = claim_all(&store, 10).await.remove(0);
    assert_eq!((claim.reference_by, claim.writer), (None, None));
    assert!(ended(&store, &claim, referred(11)).await);
    for (at, (statement, expected)) in (12..).zip([
        ("SELECT 1", Some(writer)),
        ("UPDATE versions SET withdrawn_at = 1", None),
        ("UPDATE versions SET withdrawn_at = NULL, plugin = 'another'", None),
        ("UPDATE versions SET plugin = (SELECT plugin FROM connections)", Some(writer)),
        ("DELETE FROM components", None),
    ]) {
        sql(&store, statement).await;
        let claim = claim_all(&store, at).await.remove(0);
        assert_eq!((claim.reference_by, claim.writer), (Some(writer), expected), "{statement}");
        let claimed = id.clone();
        let attempts = async || {
            let id = claimed.clone();
            store.read(|c| Box::pin(async move { requests::attempts::attempts(c, &id).await })).await.unwrap()
        };
        let begun_by = expected.unwrap_or(Digest([9; 32])).to_string();
        assert_eq!(attempts().await.last().unwrap().plugin_digest, begun_by, "{statement}");
        assert!(ended(&store, &claim, referred(at)).await);
        assert_eq!(
            attempts().await.last().unwrap().plugin_digest,
            Digest([7; 32]).to_string(),
            "what it ran on"
        );
    }
}

#[tokio::test]
async fn a_version_whose_confirmation_was_contradicted_confirms_no_more_until_there_is_another_reference() {
    let folder = Folder::new();
    let store = folder.store().await;
    connection_row(&store, "acme", "newsletter").await;
    request(&store, "newsletter", 1, Action::Erasure).await;
    for statement in [
        "INSERT INTO versions (plugin, digest, size, source, state, mac) \
         SELECT plugin, zeroblob(32), 1, 'upload', 'retired', x'' FROM connections",
        "INSERT INTO components (digest, bytes) VALUES (zeroblob(32), x'')",
    ] {
        sql(&store, statement).await;
    }
    let writer = Digest([0; 32]);
    let contradicted = RequestUpdate {
        step: Step::Confirm,
        reference: Some("job 17".into()),
        reference_by: Some(writer),
        contradicted_by: Some(writer.to_string()),
        ..change(RequestState::Waiting, 11)
    };
    let claim = claim_all(&store, 10).await.remove(0);
    assert!(ended(&store, &claim, contradicted.clone()).await);
    let are_contradicted =
        async || store.read(|c| Box::pin(are_contradicted(c, "newsletter"))).await.unwrap();
    assert!(are_contradicted().await);
    write(&store, move |tx| {
        Box::pin(async move { release_contradicted(tx, "newsletter", &writer.to_string(), 12).await })
    })
    .await;
    assert!(!are_contradicted().await);
    let claim = claim_all(&store, 12).await.remove(0);
    assert_eq!(claim.writer, None);
    let same = RequestUpdate { contradicted_by: None, ..contradicted.clone() };
    assert!(ended(&store, &claim, same).await);
    let claim = claim_all(&store, 13).await.remove(0);
    assert_eq!(claim.writer, None);
    let others = RequestUpdate { reference_by: Some(Digest([1; 32])), contradicted_by: None, ..contradicted };
    assert!(ended(&store, &claim, others.clone()).await);
    let claim = claim_all(&store, 14).await.remove(0);
    let again = RequestUpdate { reference_by: Some(writer), ..others };
    assert!(ended(&store, &claim, again.clone()).await);
    let claim = claim_all(&store, 15).await.remove(0);
    assert_eq!(claim.writer, Some(writer));
    let failed = RequestUpdate { has_writer_failed: true, ..again };
    assert!(ended(&store, &claim, failed).await);
    assert_eq!(claim_all(&store, 16).await.remove(0).writer, None, "another version is to try");
}

#[tokio::test]
async fn a_claim_says_which_version_tried_its_step_before_and_whose_effect_it_confirms() {
    let folder = Folder::new();
    let store = folder.store().await;
    connection_row(&store, "acme", "newsletter").await;
    request(&store, "newsletter", 1, Action::Erasure).await;
    let by = |byte: u8| Digest([byte; 32]).to_string();
    for (at, (ran_on, next, tried_by, acted_by)) in (10..).zip([
        (1, Step::Act, None, None),
        (2, Step::Confirm, Some(by(1)), None),
        (3, Step::Confirm, None, Some(by(2))),
        (4, Step::Confirm, Some(by(3)), Some(by(2))),
    ]) {
        let claim = claim_all(&store, at).await.remove(0);
        assert_eq!((claim.tried_by.clone(), claim.acted_by.clone()), (tried_by, acted_by), "{ran_on}");
        let after =
            RequestUpdate { step: next, digest: Digest([ran_on; 32]), ..change(RequestState::Waiting, at) };
        assert!(ended(&store, &claim, after).await);
    }
}
