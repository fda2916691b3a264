//! What a turn to write contains.

use std::time::Duration;

use tokio::{sync::oneshot, time::timeout};

use crate::{testing::Folder, writer::MAX_TURN};

#[tokio::test]
async fn what_is_left_after_half_a_second_is_committed_in_the_next_turn() {
    let folder = Folder::new();
    let store = folder.store().await;
    let (begun, has_begun) = oneshot::channel();
    let (end, is_ended) = oneshot::channel::<()>();
    let first = store.write(|_| {
        Box::pin(async move {
            begun.send(()).unwrap();
            is_ended.await.unwrap();
            Ok(())
        })
    });
    let (committed, is_committed) = oneshot::channel::<()>();
    // Both wait for the first one, so that they are in one batch.
    let slow = async {
        let slow = store.write(|_| {
            Box::pin(async {
                // As long as the turn lasts, by the clock that measures it.
                tokio::time::pause();
                tokio::time::advance(MAX_TURN).await;
                tokio::time::resume();
                Ok(())
            })
        });
        slow.await.unwrap();
        committed.send(()).unwrap();
    };
    let next = store.write(|_| {
        Box::pin(async move {
            is_committed.await.unwrap();
            Ok(())
        })
    });
    let rest = async {
        has_begun.await.unwrap();
        tokio::join!(slow, next, async { end.send(()).unwrap() })
    };
    let all = async { tokio::join!(first, rest) };
    let (first, ((), next, ())) = timeout(Duration::from_mins(1), all).await.unwrap();
    assert!(first.is_ok() && next.is_ok());
}
