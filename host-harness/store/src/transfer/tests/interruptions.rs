//! Transfers that are interrupted, and continued.

use std::{
    future::poll_fn,
    pin::pin,
    sync::atomic::{AtomicUsize, Ordering},
    task::Poll,
};

use super::*;
use crate::transfer_mark::TransferMark;

/// One table a batch.
const TABLE: BatchLimits = BatchLimits { rows: 10, bytes: 1 << 20 };

/// Where a transfer is dropped: at the wait with this number after the report of a batch of a step.
#[derive(Clone, Copy)]
struct CutOff {
    step: TransferStep,
    batch: usize,
    wait: usize,
}

impl CutOff {
    /// After the first batch of a step.
    fn first(step: TransferStep) -> Self {
        Self { step, batch: 1, wait: 1 }
    }
}

impl Moving {
    /// Runs the transfer until it is dropped. Returns its end if it ended before.
    async fn cut_off(&self, at: CutOff) -> Option<Result<Transferred, TransferError>> {
        let reported = AtomicUsize::new(0);
        let mut report = |progress: TransferProgress<'_>| {
            if progress.step == at.step {
                reported.fetch_add(1, Ordering::SeqCst);
            }
        };
        let mut run = pin!(self.run_in(TABLE, &mut report));
        let mut waits = 0;
        poll_fn(|context| {
            if let Poll::Ready(end) = run.as_mut().poll(context) {
                return Poll::Ready(Some(end));
            }
            if reported.load(Ordering::SeqCst) >= at.batch {
                waits += 1;
            }
            if waits == at.wait { Poll::Ready(None) } else { Poll::Pending }
        })
        .await
    }

    /// Checks that neither database is opened for service.
    async fn assert_neither_is_served(&self) {
        let refused = self.open_source().await.unwrap_err();
        assert!(matches!(refused, StoreError::Moving { .. } | StoreError::Moved { .. }), "{refused}");
        let refused = self.open_target().await.unwrap_err();
        assert!(matches!(refused, StoreError::TransferCutOff), "{refused}");
    }

    async fn marks(&self) -> (Option<TransferMark>, Option<TransferMark>) {
        let (mut source, mut target) = (self.beside_source().await, self.beside_target().await);
        (transfer_mark::get(&mut source).await.unwrap(), transfer_mark::get(&mut target).await.unwrap())
    }

    async fn assert_ended(&self) {
        let (expected, found) = self.both_contents().await;
        assert_eq!(found, expected);
        let refused = self.open_source().await.unwrap_err();
        assert!(matches!(refused, StoreError::Moved { .. }), "{refused}");
        self.open_target().await.unwrap().close().await;
    }
}

#[tokio::test]
async fn a_transfer_that_is_cut_off_anywhere_in_each_batch_continues_and_moves_each_row_once() {
    let Some(moving) = Moving::filled().await else { return };
    let mut cut_off = 0;
    let moved = loop {
        // Reading a batch, storing it and storing its position takes some ten waits.
        let wait = 1 + cut_off % 12;
        match moving.cut_off(CutOff { wait, ..CutOff::first(TransferStep::Copying) }).await {
            None => cut_off += 1,
            Some(end) => break end.unwrap(),
        }
        if cut_off % 10 == 1 {
            moving.assert_neither_is_served().await;
        }
    };
    let (expected, _) = moving.both_contents().await;
    assert!(cut_off >= expected.len() / 2, "{cut_off}");
    assert_eq!(moved.rows, u64::try_from(expected.values().map(Vec::len).sum::<usize>()).unwrap());
    moving.assert_ended().await;
}

#[tokio::test]
async fn a_transfer_that_is_cut_off_while_it_compares_compares_anew() {
    let Some(moving) = Moving::filled().await else { return };
    for batch in [1, 20] {
        let at = CutOff { batch, ..CutOff::first(TransferStep::Comparing) };
        let ended = moving.cut_off(at).await;
        assert!(ended.is_none(), "it ended before it was cut off");
        moving.assert_neither_is_served().await;
    }
    moving.run().await.unwrap();
    moving.assert_ended().await;
}

#[tokio::test]
async fn a_transfer_whose_connection_is_lost_reports_it_and_continues() {
    let Some(moving) = Moving::filled().await else { return };
    let mut ended = false;
    let mut end_connection = |progress: TransferProgress<'_>| {
        if progress.done > 50 && !std::mem::replace(&mut ended, true) {
            block_on(
                |mut target| async move {
                    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                           WHERE datname = current_database() AND pid <> pg_backend_pid()";
                    sqlx::query(end).execute(&mut target).await.unwrap();
                },
                &moving.to,
            );
        }
    };
    let lost = moving.run_in(TABLE, &mut end_connection).await.unwrap_err();
    assert!(matches!(lost, TransferError::Target(StoreError::Database(_))), "{lost}");
    moving.assert_neither_is_served().await;
    moving.run().await.unwrap();
    moving.assert_ended().await;
}

#[tokio::test]
async fn a_target_that_another_transfer_changes_meanwhile_is_left_alone() {
    let Some(moving) = Moving::filled().await else { return };
    let mut interfere = |progress: TransferProgress<'_>| {
        if progress.table == "names" {
            block_on(
                |mut target| async move {
                    let other = TransferMark::Arriving { id: "other".to_owned(), after: BTreeMap::new() };
                    transfer_mark::put(&mut target, &other).await.unwrap();
                },
                &moving.to,
            );
        }
    };
    let interfered = moving.run_in(TABLE, &mut interfere).await.unwrap_err();
    assert!(matches!(interfered, TransferError::Interfered), "{interfered}");
    let mut target = moving.beside_target().await;
    let later: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM requests").fetch_one(&mut target).await.unwrap();
    assert_eq!(later, 0);
}

/// Does something with a connection to the server while a transfer reports.
fn block_on<F: Future<Output = ()>>(act: impl FnOnce(Tx) -> F + Send, to: &PostgresAddress) {
    std::thread::scope(|scope| {
        let done = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async { act(connected(to).await).await });
        });
        done.join().unwrap();
    });
}

#[tokio::test]
async fn a_last_commit_that_fails_leaves_none_that_is_served_and_is_made_up_for_by_a_repetition() {
    const REFUSE: &str = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'full'; END $$; \
                          CREATE CONSTRAINT TRIGGER refuse AFTER DELETE ON marks DEFERRABLE INITIALLY DEFERRED \
                          FOR EACH ROW EXECUTE FUNCTION refuse()";
    let Some(moving) = Moving::filled().await else { return };
    let mut is_refused = false;
    let mut refuse = |progress: TransferProgress<'_>| {
        if progress.step == TransferStep::Comparing && !std::mem::replace(&mut is_refused, true) {
            block_on(|mut target| async move { execute(&mut target, REFUSE).await }, &moving.to);
        }
    };
    let refused = moving.run_in(TABLE, &mut refuse).await.unwrap_err();
    assert!(matches!(refused, TransferError::Target(StoreError::Database(_))), "{refused}");
    execute(&mut moving.beside_target().await, "DROP TRIGGER refuse ON marks; DROP FUNCTION refuse").await;
    let (moved, arriving) = moving.marks().await;
    assert!(matches!(moved, Some(TransferMark::Moved { .. })), "{moved:?}");
    assert!(matches!(arriving, Some(TransferMark::Arriving { .. })), "{arriving:?}");
    moving.assert_neither_is_served().await;
    moving.run().await.unwrap();
    moving.assert_ended().await;
    assert_eq!(moving.marks().await, (moved, None), "the time of the move stays");
}

#[tokio::test]
async fn an_interruption_between_the_first_two_commits_is_continued() {
    let Some(moving) = Moving::filled().await else { return };
    let begun = TransferMark::Moving { id: "begun".to_owned(), to: moving.to.to_string() };
    transfer_mark::put(&mut moving.beside_source().await, &begun).await.unwrap();
    let refused = moving.open_source().await.unwrap_err();
    assert!(matches!(&refused, StoreError::Moving { to } if *to == moving.to.to_string()), "{refused}");
    moving.run().await.unwrap();
    moving.assert_ended().await;
}

#[tokio::test]
async fn a_transfer_that_begins_anew_elsewhere_can_no_longer_be_ended_at_its_first_target() {
    let Some(moving) = Moving::filled().await else { return };
    assert!(moving.cut_off(CutOff::first(TransferStep::Comparing)).await.is_none());
    let Some(other) = Moving::from_nothing(master_key()).await else { return };
    let from = moving.from();
    let elsewhere =
        DatabaseTransfer { from: &from, from_key: &moving.key, to: &other.to, to_key: &moving.key };
    elsewhere.run(&mut |_| {}).await.unwrap();
    let refused = moving.run().await.unwrap_err();
    assert!(
        matches!(&refused, TransferError::Source(StoreError::Moved { to, .. }) if *to == other.to.to_string()),
        "{refused}"
    );
    moving.assert_neither_is_served().await;
}
