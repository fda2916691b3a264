//! Limits of an hour or more are counted in the ledger, which makes the final decision.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use futures::future::BoxFuture;
use parking_lot::Mutex;
use test_support::eventually;

use super::*;
use crate::egress::{Ledger, LimitReached, NotEntered, OnRequestEnd};

const HOUR_MS: u64 = 3_600_000;

/// The account, the limits, and the time within which the request ends.
type Entered = ([u8; 32], Vec<String>, Duration);

/// Records its calls, and refuses requests if set to do so.
#[derive(Default)]
struct Book {
    entered: Mutex<Vec<Entered>>,
    refusal: Mutex<Option<NotEntered>>,
    /// Whether others count too.
    shared: AtomicBool,
    left: Arc<AtomicUsize>,
}

impl Book {
    fn entered(&self) -> usize {
        self.entered.lock().len()
    }

    fn refuses(&self, refusal: impl Into<Option<NotEntered>>) {
        *self.refusal.lock() = refusal.into();
    }

    fn left(&self) -> usize {
        self.left.load(Relaxed)
    }
}

impl Ledger for Book {
    fn is_shared(&self) -> bool {
        self.shared.load(Relaxed)
    }

    fn enter<'a>(
        &'a self,
        account: [u8; 32],
        limits: &'a [Limit],
        ends_within: Duration,
    ) -> BoxFuture<'a, Result<OnRequestEnd, NotEntered>> {
        let names = limits.iter().map(|limit| limit.name.clone()).collect();
        self.entered.lock().push((account, names, ends_within));
        let left = Arc::clone(&self.left);
        let leave: OnRequestEnd = Box::new(move || {
            left.fetch_add(1, Relaxed);
        });
        let refusal = self.refusal.lock().clone();
        Box::pin(std::future::ready(refusal.map_or(Ok(leave), Err)))
    }
}

/// Creates a bench in which `forget` counts against a limit of one request for each of these periods.
fn limited(periods: &[Option<u64>]) -> (Bench, Arc<Book>) {
    let limit = |period_ms: &Option<u64>| {
        let name = period_ms.map_or("at-once".to_owned(), |ms| format!("in-{ms}-ms"));
        Limit { name, requests: 1, period_ms: *period_ms }
    };
    let limits: Vec<_> = periods.iter().map(limit).collect();
    let names = limits.iter().map(|limit| limit.name.clone()).collect();
    let operations = vec![Operation { limits: names, ..operation() }];
    let mut bench = Bench::with(Manifest { operations, limits, ..Default::default() }, |spec| {
        spec.policy.limiter_patience = Duration::ZERO;
    });
    let book = Arc::new(Book::default());
    bench.egress = bench.egress.with_ledger(Arc::clone(&book) as _);
    (bench, book)
}

#[tokio::test]
async fn limits_below_an_hour_never_reach_the_ledger_and_the_others_go_together() {
    let (bench, book) = limited(&[None, Some(1_000), Some(HOUR_MS - 1)]);
    bench.send(request()).await.unwrap();
    assert_eq!(book.entered(), 0);
    let (bench, book) = limited(&[None, Some(HOUR_MS), Some(1_000), Some(24 * HOUR_MS)]);
    bench.send(request()).await.unwrap();
    let entered = book.entered.lock().clone();
    let [(account, limits, ends_within)] = entered.as_slice() else { panic!("{entered:?}") };
    assert_eq!(*account, bench.connection.account);
    assert_eq!(*limits, ["in-3600000-ms", "in-86400000-ms"]);
    // The call's minute, minus the time reserved at its end.
    let nearly = Duration::from_secs(50)..=Duration::from_mins(1);
    assert!(nearly.contains(ends_within), "{ends_within:?}");
}

#[tokio::test]
async fn a_full_ledger_limits_the_rate_with_its_wait_and_uses_up_nothing() {
    let (bench, book) = limited(&[Some(1_000), Some(24 * HOUR_MS)]);
    book.refuses(NotEntered::Full(LimitReached { for_another: Some(Duration::from_hours(7)) }));
    let refused = bench.send(request()).await.unwrap_err();
    assert_eq!(
        refused,
        HttpError {
            kind: HttpErrorKind::RateLimited,
            message: "operation forget: the vendor's limits are reached (in-1000-ms, in-86400000-ms)".into(),
            request_sent: false,
            retry_after_ms: Some(7 * HOUR_MS),
        }
    );
    assert_eq!(bench.vendor.sent(), []);
    // The place in the limit per second was not used up either.
    book.refuses(None);
    bench.send(request()).await.unwrap();
    assert_eq!(bench.send(request()).await.unwrap_err().retry_after_ms, Some(1_001));
    assert_eq!(book.entered(), 2, "a request that a short limit refuses is not recorded");
}

#[tokio::test]
async fn a_ledger_that_cannot_be_reached_lets_nothing_out() {
    let (bench, book) = limited(&[Some(24 * HOUR_MS)]);
    book.refuses(NotEntered::Unreachable("the store is down".into()));
    let refused = bench.send(request()).await.unwrap_err();
    assert_eq!((refused.kind, refused.request_sent), (HttpErrorKind::HostUnavailable, false));
    assert_eq!(
        refused.message,
        "operation forget: cannot determine whether the vendor's limits are reached (in-86400000-ms): the store is down"
    );
    assert_eq!((bench.vendor.sent(), refused.retry_after_ms), (vec![], None));
}

/// Never answers, but signals when it was called.
#[derive(Default)]
struct Silent(tokio::sync::Notify);

impl Transport for Silent {
    fn send<'a>(
        &'a self,
        _: &'a Connection,
        _: Outgoing,
    ) -> BoxFuture<'a, Result<VendorResponse, HttpError>> {
        self.0.notify_one();
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn a_request_leaves_the_ledger_when_it_ends_and_when_its_call_is_dropped() {
    let (mut bench, book) = limited(&[Some(24 * HOUR_MS)]);
    bench.send(request()).await.unwrap();
    assert_eq!(book.left(), 1);
    let silent = Arc::new(Silent::default());
    bench.egress = Egress::new(Arc::clone(&silent) as _).with_ledger(Arc::clone(&book) as _);
    let under_way = async {
        tokio::time::timeout(Duration::from_mins(1), silent.0.notified()).await.unwrap();
        assert_eq!((book.entered(), book.left()), (2, 1));
    };
    tokio::select! {
        answer = bench.send(request()) => panic!("{answer:?}"),
        () = under_way => {}
    }
    assert_eq!(book.left(), 2);
}

#[tokio::test]
async fn without_another_ledger_long_limits_are_counted_in_memory() {
    let (mut bench, _) = limited(&[Some(HOUR_MS)]);
    bench.egress = Egress::with_clock(Arc::clone(&bench.vendor) as _, Arc::clone(&bench.clock) as _);
    bench.send(request()).await.unwrap();
    assert_eq!(bench.send(request()).await.unwrap_err().retry_after_ms, Some(HOUR_MS + 1));
    bench.clock.advance(Duration::from_millis(HOUR_MS + 1));
    bench.send(request()).await.unwrap();
    assert_eq!(bench.vendor.sent().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_others_count_in_has_every_limit_and_is_asked_again_while_a_short_one_is_full() {
    let (mut bench, book) = limited(&[Some(1_000), Some(HOUR_MS)]);
    bench.connection.policy.limiter_patience = Duration::from_secs(5);
    book.shared.store(true, Relaxed);
    let full = |wait| NotEntered::Full(LimitReached { for_another: Some(wait) });
    book.refuses(full(Duration::from_millis(300)));
    let opens = async {
        eventually("three refusals", async || book.entered(), |entered| *entered >= 3).await;
        book.refuses(None);
    };
    let (sent, ()) = tokio::join!(bench.send(request()), opens);
    sent.unwrap();
    let names: Vec<_> = book.entered.lock().iter().map(|(_, names, _)| names.join(" ")).collect();
    assert_eq!(names, vec!["in-1000-ms in-3600000-ms"; 4]);
    bench.clock.advance(Duration::from_secs(2));
    book.refuses(full(Duration::from_hours(5)));
    bench.send(request()).await.unwrap_err();
    assert_eq!(book.entered(), 5, "a long one is not waited for");
}
