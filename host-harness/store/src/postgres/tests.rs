mod black_hole;
mod gauges;
mod listening;
mod losses;
mod own_server;
mod pooler;
mod proxy;
mod refusals;
mod turns;

use self::proxy::{Loses, Proxy};
use super::*;
use crate::{
    handle::Store,
    testing::{Folder, folder_on_server, server::run},
};

/// Inserts the mark `name`.
async fn insert_mark(tx: &mut Tx, name: &'static str) -> Result<(), StoreError> {
    let insert = sqlx::query("INSERT INTO marks (name, value) VALUES ($1, $2)");
    Ok(insert.bind(name).bind(vec![1_u8]).execute(tx).await.map(drop)?)
}

async fn mark(store: &Store, name: &'static str) -> Result<(), StoreError> {
    store.write(move |tx| Box::pin(insert_mark(tx, name))).await
}

/// Loses the answer to one commit and another commit on the way of `store`: the first counts, the second does not.
async fn assert_commits_count(store: &Store, proxy: &Proxy) {
    proxy.lose(Loses::AnswerToCommit);
    mark(store, "answer lost").await.unwrap();
    proxy.lose(Loses::Commit);
    mark(store, "commit lost").await.unwrap_err();
    mark(store, "nothing lost").await.unwrap();
    assert_eq!(marks(store).await, ["answer lost", "nothing lost"]);
}

/// Returns the marks of tests.
async fn marks(store: &Store) -> Vec<String> {
    let read = store.read(|c| {
        Box::pin(async move {
            let names = "SELECT name FROM marks WHERE name NOT IN ('master-key', 'program') ORDER BY name";
            Ok(sqlx::query_scalar(names).fetch_all(c).await?)
        })
    });
    read.await.unwrap()
}
