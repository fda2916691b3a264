//! Tests of [`Batched`].

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{sync::Semaphore, time::timeout};

use super::*;

const DEADLINE: Duration = Duration::from_mins(1);

/// The batches that were carried out.
type Seen = Arc<Mutex<Vec<Vec<u32>>>>;

/// Doubles numbers, a batch for each permit. Returns the batches, too.
fn doubling(max: usize) -> (Batched<u32, u32>, Arc<Semaphore>, Seen) {
    let (permits, seen) = (Arc::new(Semaphore::new(0)), Seen::default());
    let (permitted, recorded) = (Arc::clone(&permits), Arc::clone(&seen));
    let batched = Batched::start(max, move |pieces: Vec<u32>| {
        recorded.lock().push(pieces.clone());
        let permitted = Arc::clone(&permitted);
        async move {
            permitted.acquire().await.unwrap().forget();
            if pieces.contains(&0) {
                Err(StoreError::Closed)
            } else {
                Ok(pieces.iter().map(|n| n * 2).collect())
            }
        }
    });
    (batched, permits, seen)
}

#[tokio::test]
async fn what_arrives_during_a_batch_is_carried_out_together_and_each_caller_gets_its_own_result() {
    let (batched, permits, seen) = doubling(3);
    let first = batched.carry_out(1);
    let rest = futures::future::join_all((2..=5).map(|n| batched.carry_out(n)));
    let all = async { tokio::join!(first, rest) };
    permits.add_permits(3);
    let (first, rest) = timeout(DEADLINE, all).await.unwrap();
    assert_eq!(first.unwrap(), 2);
    assert_eq!(rest.into_iter().map(Result::unwrap).collect::<Vec<_>>(), [4, 6, 8, 10]);
    let seen = seen.lock();
    assert_eq!(seen.concat(), [1, 2, 3, 4, 5]);
    assert!(seen.len() <= 3 && seen.iter().all(|batch| batch.len() <= 3), "{seen:?}");
}

#[tokio::test]
async fn a_batch_that_fails_fails_for_each_of_its_callers_and_for_no_other() {
    let (batched, permits, _) = doubling(2);
    permits.add_permits(2);
    let together = async { tokio::join!(batched.carry_out(0), batched.carry_out(1)) };
    let (zero, one) = timeout(DEADLINE, together).await.unwrap();
    assert!(matches!(zero, Err(StoreError::Closed)) && matches!(one, Err(StoreError::Closed)));
    assert_eq!(timeout(DEADLINE, batched.carry_out(2)).await.unwrap().unwrap(), 4);
}
