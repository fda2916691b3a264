use std::sync::Arc;

use host_store::{
    Store, StoreError,
    replicas::{self, Beat, ServedVersions},
    testing::{Folder, sql, write},
};
use tokio::{
    sync::{Notify, mpsc},
    time::timeout,
};

use super::*;

/// After this time, a test whose condition does not come true fails.
const DEADLINE: Duration = Duration::from_secs(20);

/// What a duty reports.
#[derive(Debug)]
enum Report {
    Begun,
    Wrote(Result<(), StoreError>),
    Ended,
}

/// A process whose only duty is to write when it is asked to.
struct Replica {
    store: Store,
    tenure: watch::Sender<Option<Tenure>>,
    /// Has the duty write.
    ask: Arc<Notify>,
    reports: mpsc::UnboundedReceiver<Report>,
}

/// Counts each time that it is asked to, until it is stopped.
async fn count(
    store: Store,
    ask: Arc<Notify>,
    reports: mpsc::UnboundedSender<Report>,
    stop: CancellationToken,
) {
    reports.send(Report::Begun).unwrap();
    while stop.run_until_cancelled(ask.notified()).await.is_some() {
        let wrote = store.write(move |tx| {
            let count = sqlx::query("UPDATE duty SET written = written + 1");
            Box::pin(async move { Ok(count.execute(tx).await.map(drop)?) })
        });
        reports.send(Report::Wrote(wrote.await)).unwrap();
    }
    reports.send(Report::Ended).unwrap();
}

impl Replica {
    /// Joins the replicas of the folder's database, without a sign of life.
    async fn join(folder: &Folder, name: &'static str) -> Self {
        let store = folder.store().await;
        let id = store.replica().clone();
        write(&store, move |tx| Box::pin(async move { replicas::join(tx, &id, name).await })).await;
        let (tenure, tenures) = watch::channel(None);
        let (report, reports) = mpsc::unbounded_channel();
        let ask = Arc::new(Notify::new());
        let (of, asked) = (store.clone(), Arc::clone(&ask));
        let begin = move |duties: &mut DutyTasks| {
            let stop = duties.stop.clone();
            duties.begin("count", count(of.clone(), Arc::clone(&asked), report.clone(), stop));
        };
        tokio::spawn(run(tenures, begin, CancellationToken::new(), DEADLINE));
        Self { store, tenure, ask, reports }
    }

    /// Gives a sign of life, and does what follows from it.
    async fn beat(&self) -> Beat {
        let id = self.store.replica().clone();
        let beat = write(&self.store, move |tx| {
            Box::pin(async move { replicas::beat(tx, &id, &ServedVersions::new(), 0).await })
        });
        let beat = beat.await;
        self.tenure.send_replace(beat.tenure.clone());
        beat
    }

    /// Returns the next report of its duty.
    async fn report(&mut self) -> Report {
        timeout(DEADLINE, self.reports.recv()).await.unwrap().unwrap()
    }

    /// Has its duty write. Returns the report.
    async fn write(&mut self) -> Report {
        self.ask.notify_one();
        self.report().await
    }

    /// Returns how often duties have written.
    async fn written(&self) -> i64 {
        let written = sqlx::query_scalar("SELECT written FROM duty");
        let read = self.store.read(|c| Box::pin(async move { Ok(written.fetch_one(c).await?) }));
        read.await.unwrap()
    }
}

#[tokio::test]
async fn a_duty_runs_at_the_leader_alone_writes_nothing_once_another_leads_and_begins_there() {
    let folder = Folder::new();
    let (mut first, mut second) =
        (Replica::join(&folder, "first").await, Replica::join(&folder, "second").await);
    sql(&first.store, "CREATE TABLE duty (written BIGINT NOT NULL)").await;
    sql(&first.store, "INSERT INTO duty VALUES (0)").await;
    first.beat().await;
    let seen = second.beat().await.others.remove(0);
    assert!(matches!(first.report().await, Report::Begun));
    let wrote = first.write().await;
    assert!(matches!(wrote, Report::Wrote(Ok(()))), "{wrote:?}");
    assert!(second.reports.is_empty(), "another replica leads");

    // The first one gave no sign of life for long, and does not know yet that the second one leads.
    write(&second.store, move |tx| Box::pin(async move { replicas::remove(tx, &seen, 9).await })).await;
    assert_eq!(second.beat().await.tenure.unwrap().term(), 2);
    assert!(matches!(second.report().await, Report::Begun));
    let refused = first.write().await;
    assert!(matches!(refused, Report::Wrote(Err(StoreError::LeadLost))), "{refused:?}");
    assert_eq!(first.written().await, 1);
    let wrote = second.write().await;
    assert!(matches!(wrote, Report::Wrote(Ok(()))), "{wrote:?}");
    assert_eq!(second.written().await, 2);

    first.tenure.send_replace(None);
    assert!(matches!(first.report().await, Report::Ended));
}
