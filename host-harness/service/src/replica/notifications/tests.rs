//! Notifications by way of a real database. The time limits pass by the clock of the runtime.

use host_store::{DatabaseAddress, gauges::Gauges};
use serde_json::Value;
use test_support::{Logged, eventually};
use tokio::task::JoinHandle;

use super::*;
use crate::testing::bench::Bench;

/// What the log says if not even the replica's own notifications arrive.
const SILENCE: &str = "no notifications arrive at this replica; it finds work and changes by polling";

/// A replica that sends notifications and listens.
struct Listening {
    bench: Bench,
    running: JoinHandle<()>,
}

impl Listening {
    /// Begins to listen at `address`.
    fn begin(bench: Bench, address: PostgresAddress) -> Self {
        let running = tokio::spawn(bench.parts.notifications(Some(address)).run(CancellationToken::new()));
        Self { bench, running }
    }

    /// Returns the count of notifications with this status.
    fn count(&self, status: &str) -> u32 {
        let metrics = self.bench.parts.telemetry.rendered(&Gauges::default(), 0);
        let line = format!("connector_host_notifications_total{{status=\"{status}\"}} ");
        let count = metrics.lines().find_map(|found| found.strip_prefix(&line));
        count.map_or(0, |count| count.parse().unwrap())
    }

    /// Waits for the notification that the listener sends itself once it listens.
    async fn once_sent(&self, count: u32) {
        eventually("a notification is sent", async || self.count("sent"), |sent| *sent == count).await;
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// Lets `time` pass at once.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

fn is_silence(line: &Value) -> bool {
    line["message"] == SILENCE && line["level"] == "WARN"
}

#[tokio::test]
async fn a_listener_behind_a_pooler_that_hears_nothing_says_so_and_tries_again_minutes_later() {
    let bench = Bench::new().await;
    let Some(address) = bench.folder.pooled_address().await else { return };
    let logged = Logged::begin();
    let listening = Listening::begin(bench, address);
    listening.once_sent(1).await;
    assert!(!logged.lines().iter().any(is_silence));
    pass(SELF_TEST).await;
    let line = logged.once(is_silence).await;
    assert_eq!(line["next"], "set listen-url to an address without a pooler");
    pass(AGAIN_AFTER_SILENCE / 2).await;
    assert_eq!((listening.count("sent"), listening.count("received")), (1, 0));
    pass(AGAIN_AFTER_SILENCE / 2).await;
    listening.once_sent(2).await;
    assert_eq!(logged.lines().into_iter().filter(is_silence).count(), 1);
}

#[tokio::test]
async fn a_listener_whose_connection_is_lost_connects_again_and_hears_what_is_announced() {
    let bench = Bench::new().await;
    let DatabaseAddress::Server(address) = bench.folder.address().await else { return };
    let logged = Logged::begin();
    let listening = Listening::begin(bench, address);
    let announce = async |received: u32| {
        listening.bench.parts.announcer.announce();
        eventually("it is heard", async || listening.count("received"), |count| *count == received).await;
    };
    listening.once_sent(1).await;
    announce(1).await;
    let end = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity \
               WHERE datname = current_database() AND query LIKE 'LISTEN%'";
    let ended = listening
        .bench
        .parts
        .store
        .read(|c| Box::pin(async move { Ok(sqlx::query_scalar(end).fetch_all(c).await?) }));
    let ended: Vec<bool> = ended.await.unwrap();
    assert_eq!(ended, [true]);
    logged.once(|line| line["message"] == "connection for notifications lost; polling meanwhile").await;
    pass(AGAIN_AFTER).await;
    let sent = listening.count("sent") + 1;
    listening.once_sent(sent).await;
    announce(2).await;
}

#[tokio::test]
async fn a_listener_that_hears_nothing_for_a_while_makes_sure_that_it_still_would() {
    let bench = Bench::new().await;
    let DatabaseAddress::Server(address) = bench.folder.address().await else { return };
    let listening = Listening::begin(bench, address);
    listening.once_sent(1).await;
    listening.bench.parts.announcer.announce();
    let received = async || listening.count("received");
    eventually("it is heard", received, |count| *count == 1).await;
    pass(MAX_QUIET).await;
    eventually("its own is heard", received, |count| *count == 2).await;
    assert_eq!(listening.count("sent"), 3);
}

#[tokio::test]
async fn work_of_which_a_replica_hears_nothing_is_found_by_polling() {
    let mut bench = Bench::new().await;
    if !bench.folder.is_on_server() {
        return;
    }
    // Of the two, only the second one carries out requests, and no notification reaches it.
    bench.join_second(&[("acme", "newsletter")]).await;
    let id = bench.erase("someone@example.com").await;
    bench.once(&id, |view| view.attempts > 0).await;
}
