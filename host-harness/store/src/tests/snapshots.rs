//! What a reader sees while others write.

use super::{Folder, mark, marks};

#[tokio::test]
async fn a_read_sees_one_state_of_the_database() {
    let folder = Folder::new();
    let store = folder.store().await;
    let names = "SELECT COUNT(*) FROM marks WHERE name IN ('before', 'during')";
    mark(&store, "before", false).await.unwrap();
    let writer = store.clone();
    let counted = store.read(move |connection| {
        Box::pin(async move {
            let before: i64 = sqlx::query_scalar(names).fetch_one(&mut *connection).await?;
            mark(&writer, "during", false).await?;
            let after: i64 = sqlx::query_scalar(names).fetch_one(&mut *connection).await?;
            Ok((before, after))
        })
    });
    assert_eq!(counted.await.unwrap(), (1, 1));
    assert!(marks(&store).await.contains(&"during".to_owned()), "the write is not held back by the reader");
}
