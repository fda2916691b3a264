use super::*;
use crate::{
    handle::Store,
    testing::{Folder, master_key, sql, write},
};

fn mark(revision: u64) -> HighWaterMark {
    HighWaterMark { revision: revision.try_into().unwrap(), digest: Digest([1; 32]) }
}

async fn found(store: &Store) -> Result<Option<HighWaterMark>, StoreError> {
    store.read(|c| Box::pin(async move { find(c, &master_key().vault(), "iterable").await })).await
}

#[tokio::test]
async fn a_mark_is_found_as_it_was_stored_last() {
    let folder = Folder::new();
    let store = folder.store().await;
    assert_eq!(found(&store).await.unwrap(), None);
    for revision in [7, Revision::MAX] {
        write(&store, move |tx| {
            Box::pin(async move { put(tx, &master_key().vault(), "iterable", mark(revision)).await })
        })
        .await;
        assert_eq!(found(&store).await.unwrap(), Some(mark(revision)));
    }
}

#[tokio::test]
async fn a_mark_that_was_changed_from_outside_is_an_error() {
    for change in [
        "UPDATE release_marks SET revision = 1",
        "UPDATE release_marks SET revision = 0",
        "UPDATE release_marks SET digest = zeroblob(32)",
        "UPDATE release_marks SET plugin = 'iterable'",
    ] {
        let folder = Folder::new();
        let store = folder.store().await;
        let of = if change.contains("plugin") { "other" } else { "iterable" };
        write(&store, move |tx| Box::pin(async move { put(tx, &master_key().vault(), of, mark(7)).await }))
            .await;
        sql(&store, change).await;
        let error = found(&store).await.unwrap_err();
        assert!(error.is_about_one_row(), "{change}: {error}");
        let foreign = store.read(|c| {
            Box::pin(async move { crate::authentic::foreign_rows(c, &master_key().vault()).await })
        });
        let foreign: Vec<_> = foreign.await.unwrap().into_iter().map(|row| row.what).collect();
        assert_eq!(foreign, ["newest admitted revision of plugin iterable"], "{change}");
    }
}
