use super::*;
use crate::{
    handle::Store,
    testing::{Folder, master_key, sql, write},
};

fn pull(manifest: u8) -> Pull {
    Pull {
        plugin: "iterable".to_owned(),
        reference: "registry.example.com/iterable:1".to_owned(),
        manifest: Digest([manifest; 32]),
        component: Digest([9; 32]),
        pulled_at: 17,
    }
}

fn failure(failures: u32) -> PullFailure {
    PullFailure {
        plugin: "iterable".to_owned(),
        reference: "registry.example.com/iterable:1".to_owned(),
        failures,
        failed_at: 18,
        problem: "cannot reach registry.example.com".to_owned(),
        again_at: Some(19),
    }
}

async fn put_pull(store: &Store, pull: Pull) {
    write(store, |tx| Box::pin(async move { put(tx, &master_key().vault(), &pull).await })).await;
}

async fn found(store: &Store) -> (Vec<Result<Pull, StoreError>>, Vec<PullFailure>) {
    let read = store
        .read(|c| Box::pin(async move { Ok((all(c, &master_key().vault()).await?, failures(c).await?)) }));
    let (pulls, failures) = read.await.unwrap();
    (pulls.into_iter().map(|of| of.pulled).collect(), failures)
}

#[tokio::test]
async fn a_pull_takes_the_place_of_the_one_before_and_ends_its_failures() {
    let folder = Folder::new();
    let store = folder.store().await;
    put_pull(&store, pull(1)).await;
    for failures in [1, u32::MAX] {
        write(&store, move |tx| Box::pin(async move { fail(tx, &failure(failures)).await })).await;
    }
    let (pulls, failures) = found(&store).await;
    assert_eq!(pulls.into_iter().map(Result::unwrap).collect::<Vec<_>>(), [pull(1)]);
    assert_eq!(failures, [failure(u32::MAX)], "a failure leaves what was pulled");

    put_pull(&store, pull(2)).await;
    let (pulls, failures) = found(&store).await;
    assert_eq!(pulls.into_iter().map(Result::unwrap).collect::<Vec<_>>(), [pull(2)]);
    assert_eq!(failures, []);

    write(&store, |tx| Box::pin(async move { fail(tx, &failure(1)).await })).await;
    write(&store, |tx| Box::pin(async move { forget(tx, "iterable").await })).await;
    let (pulls, failures) = found(&store).await;
    assert_eq!((pulls.len(), failures), (0, Vec::new()));
}

#[tokio::test]
async fn a_pull_that_was_changed_from_outside_is_an_error() {
    for change in [
        "UPDATE pulls SET reference = 'registry.example.com/other:1'",
        "UPDATE pulls SET manifest = zeroblob(32)",
        "UPDATE pulls SET component = zeroblob(32)",
        "UPDATE pulls SET pulled_at = 99",
        "UPDATE pulls SET plugin = 'iterable'",
    ] {
        let folder = Folder::new();
        let store = folder.store().await;
        let of = if change.contains("plugin") { "other" } else { "iterable" };
        put_pull(&store, Pull { plugin: of.to_owned(), ..pull(1) }).await;
        sql(&store, change).await;
        let error = found(&store).await.0.remove(0).unwrap_err();
        assert!(error.is_about_one_row(), "{change}: {error}");
        let foreign = store.read(|c| {
            Box::pin(async move { crate::authentic::foreign_rows(c, &master_key().vault()).await })
        });
        let foreign: Vec<_> = foreign.await.unwrap().into_iter().map(|row| row.what).collect();
        assert_eq!(foreign, ["pull of plugin iterable"], "{change}");
    }
}
