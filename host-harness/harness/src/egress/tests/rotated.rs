//! Secrets that a vendor issues in place of the connection's own, and a store that outlives the host.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, AtomicI64},
};

use futures::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::{credentials::with_exchange, *};
use crate::egress::captured::Lifespan;

/// A store in memory, which can be made to fail.
struct Shelf {
    secrets: Mutex<BTreeMap<([u8; 32], String), IssuedSecret>>,
    fails: AtomicBool,
    saves_nothing: AtomicBool,
    /// The number of the last turn.
    turns: AtomicI64,
    /// Has a permit while no one has the turn.
    free: Semaphore,
    /// The last turn whose result was stored.
    stored: Mutex<ExchangeTurn>,
}

impl Default for Shelf {
    fn default() -> Self {
        Self {
            secrets: Mutex::default(),
            fails: AtomicBool::default(),
            saves_nothing: AtomicBool::default(),
            turns: AtomicI64::default(),
            free: Semaphore::new(1),
            stored: Mutex::default(),
        }
    }
}

impl Shelf {
    fn answer<T>(&self, value: T) -> Result<T, NotStored> {
        if self.fails.load(Relaxed) {
            Err(NotStored::Unreachable("the shelf is away".into()))
        } else {
            Ok(value)
        }
    }

    /// Waits until the turn is free.
    async fn is_free(&self) {
        tokio::time::timeout(Duration::from_secs(10), self.free.acquire()).await.unwrap().unwrap().forget();
        self.free.add_permits(1);
    }
}

impl RotatedSecrets for Shelf {
    fn begin_exchange<'a>(
        &'a self,
        _: &'a Connection,
        _: Instant,
    ) -> BoxFuture<'a, Result<ExchangeTurn, NotStored>> {
        Box::pin(async move {
            self.free.acquire().await.unwrap().forget();
            Ok(ExchangeTurn(self.turns.fetch_add(1, Relaxed) + 1))
        })
    }

    fn end_exchange<'a>(&'a self, _: &'a Connection, _: ExchangeTurn) -> BoxFuture<'a, ()> {
        self.free.add_permits(1);
        Box::pin(std::future::ready(()))
    }

    fn load<'a>(&'a self, connection: &'a Connection) -> BoxFuture<'a, Result<Vec<IssuedSecret>, NotStored>> {
        let secrets = self.secrets.lock();
        let of_account = secrets.iter().filter(|((account, _), _)| *account == connection.account);
        let found = of_account.map(|(_, secret)| secret.clone()).collect();
        Box::pin(std::future::ready(self.answer(found)))
    }

    fn save<'a>(
        &'a self,
        connection: &'a Connection,
        turn: ExchangeTurn,
        secrets: &'a [IssuedSecret],
    ) -> BoxFuture<'a, Result<(), NotStored>> {
        let mut stored = self.stored.lock();
        let saved = if turn < *stored {
            Err(NotStored::Superseded)
        } else if self.saves_nothing.load(Relaxed) {
            Err(NotStored::Unreachable("the shelf is full".into()))
        } else {
            self.answer(())
        };
        if saved.is_ok() {
            *stored = turn;
            let named = secrets.iter().map(|one| ((connection.account, one.name.clone()), one.clone()));
            self.secrets.lock().extend(named);
        }
        Box::pin(std::future::ready(saved))
    }
}

/// A host of the same connection with the same store, as after a restart.
fn started(shelf: &Arc<Shelf>) -> Bench {
    let mut bench = Bench::with(with_exchange(), |_| {});
    bench.egress = Egress::with_clock(Arc::clone(&bench.vendor) as _, Arc::clone(&bench.clock) as _)
        .with_rotated_secrets(Arc::clone(shelf) as _);
    bench
}

const ROTATED: &str = r#"{"access":"access-one","expires":60,"refresh":"refresh-two"}"#;

/// The bodies that were sent to exchange a token.
fn exchanged(bench: &Bench) -> Vec<String> {
    let sent = bench.vendor.sent();
    sent.iter().filter(|sent| sent.line.ends_with("/token")).filter_map(|sent| sent.body.clone()).collect()
}

#[tokio::test]
async fn a_rotated_refresh_token_survives_a_restart() {
    let shelf = Arc::default();
    let bench = started(&shelf);
    bench.vendor.answers(200, &[], ROTATED);
    bench.send(request()).await.unwrap();
    assert_eq!(exchanged(&bench), ["refresh=k-0123456789"]);
    let again = started(&shelf);
    again.vendor.answers(401, &[], "");
    again.vendor.answers(200, &[], r#"{"access":"access-two","expires":60,"refresh":"refresh-three"}"#);
    assert_eq!(again.send(request()).await.unwrap().status, 200);
    assert_eq!(exchanged(&again), ["refresh=refresh-two"]);
}

#[tokio::test]
async fn what_a_process_got_in_an_exchange_is_used_by_another_one() {
    let shelf = Arc::<Shelf>::default();
    let bench = started(&shelf);
    bench.vendor.answers(200, &[], ROTATED);
    bench.send(request()).await.unwrap();
    let names: Vec<String> = shelf.secrets.lock().keys().map(|(_, name)| name.clone()).collect();
    assert_eq!(names, ["access-token", "api-key"]);
    let other = started(&shelf);
    let sent = other.wire(request()).await;
    assert_eq!(sent.header("authorization"), Some("Bearer access-one"));
    assert!(exchanged(&other).is_empty());
}

#[tokio::test]
async fn a_process_waits_for_the_exchange_of_another_one_and_uses_what_that_got() {
    let shelf = Arc::<Shelf>::default();
    let (first, second) = (started(&shelf), started(&shelf));
    // Both look at what is stored, which is nothing.
    for bench in [&first, &second] {
        bench.egress.restore_rotated(&bench.caller(Interface::Erasure)).await.unwrap();
    }
    let turn = first.egress.take_turn(&first.caller(Interface::Erasure)).await.unwrap();
    second.vendor.answers(200, &[], "ok");
    let waiting = second.send(request());
    tokio::pin!(waiting);
    assert!(futures::poll!(&mut waiting).is_pending());
    let secret = |name: &str, text: &str| IssuedSecret {
        name: name.to_owned(),
        secret: Secret::new(text).unwrap(),
        lifetime: Some(Duration::from_mins(1)),
    };
    let got = vec![secret("api-key", "refresh-two"), secret("access-token", "access-one")];
    first.egress.captured.keep(&first.connection, got, first.clock.now(), Lifespan::Stored);
    drop(turn);
    assert_eq!(waiting.await.unwrap().status, 200);
    assert!(exchanged(&second).is_empty());
    let sent = second.vendor.sent().pop().unwrap();
    assert_eq!(sent.header("authorization"), Some("Bearer access-one"));
}

#[tokio::test]
async fn a_call_that_is_cut_off_during_an_exchange_keeps_no_one_waiting() {
    let shelf = Arc::<Shelf>::default();
    let bench = started(&shelf);
    drop(bench.egress.take_turn(&bench.caller(Interface::Erasure)).await.unwrap().unwrap());
    shelf.is_free().await;
}

#[tokio::test]
async fn a_turn_whose_result_could_not_be_stored_is_not_ended() {
    let shelf = Arc::<Shelf>::default();
    let bench = started(&shelf);
    bench.egress.restore_rotated(&bench.caller(Interface::Erasure)).await.unwrap();
    let turn = bench.egress.take_turn(&bench.caller(Interface::Erasure)).await.unwrap().unwrap();
    shelf.fails.store(true, Relaxed);
    bench.vendor.answers(200, &[], ROTATED);
    let exchange = bench.declaration.operation("exchange").unwrap();
    let secrets = bench.connection.secrets.clone();
    let request = Request { operation: "exchange".into(), ..Default::default() };
    bench.egress.carry(&bench.caller(Interface::Erasure), exchange, &secrets, &request).await.unwrap();
    turn.end().await;
    assert_eq!(shelf.free.available_permits(), 0);
}

#[tokio::test]
async fn a_key_that_the_operator_changed_is_used_instead_of_what_the_former_one_was_rotated_to() {
    let shelf = Arc::default();
    let bench = started(&shelf);
    bench.vendor.answers(200, &[], ROTATED);
    bench.send(request()).await.unwrap();
    let mut changed = started(&shelf);
    let secrets = [("api-key".to_owned(), Secret::new("k-9876543210").unwrap())].into();
    let settings = [("domain".to_owned(), "api.example.com".to_owned())].into();
    let spec = ConnectionSpec { settings, secrets, ..ConnectionSpec::new("acme", "newsletter", "example") };
    changed.connection = spec.resolve(changed.declaration.manifest()).unwrap();
    changed.vendor.answers(200, &[], ROTATED);
    changed.send(request()).await.unwrap();
    assert_eq!(exchanged(&changed), ["refresh=k-9876543210"]);
}

#[tokio::test]
async fn while_the_store_does_not_answer_a_secret_that_may_be_void_is_not_sent() {
    let shelf = Arc::<Shelf>::default();
    shelf.fails.store(true, Relaxed);
    let bench = started(&shelf);
    let error = bench.send(request()).await.unwrap_err();
    assert_eq!((error.kind, error.request_sent), (HttpErrorKind::HostUnavailable, false));
    assert_eq!(error.message, "connection newsletter: its rotated secrets are unknown: the shelf is away");
    assert!(bench.vendor.sent().is_empty());
    shelf.fails.store(false, Relaxed);
    bench.vendor.answers(200, &[], ROTATED);
    assert_eq!(bench.send(request()).await.unwrap().status, 200);
}

#[tokio::test]
async fn what_could_not_be_stored_is_stored_before_the_next_request() {
    let shelf = Arc::<Shelf>::default();
    let bench = started(&shelf);
    bench.vendor.answers(200, &[], ROTATED);
    // Loads what is stored, which is nothing.
    bench.egress.restore_rotated(&bench.caller(Interface::Erasure)).await.unwrap();
    shelf.saves_nothing.store(true, Relaxed);
    assert_eq!(bench.send(request()).await.unwrap().status, 200, "the new token is known in any case");
    assert!(shelf.secrets.lock().is_empty());
    shelf.saves_nothing.store(false, Relaxed);
    bench.send(request()).await.unwrap();
    let stored = shelf.secrets.lock()[&(bench.connection.account, "api-key".to_owned())].secret.clone();
    assert_eq!(stored.expose(), "refresh-two");
}

#[tokio::test]
async fn a_restored_secret_is_masked_in_answers() {
    let shelf = Arc::default();
    let bench = started(&shelf);
    bench.vendor.answers(200, &[], ROTATED);
    bench.send(request()).await.unwrap();
    let again = started(&shelf);
    again.vendor.answers(200, &[], "you sent refresh-two");
    let response = again.send(request()).await.unwrap();
    assert_eq!(String::from_utf8(response.body).unwrap(), "you sent [redacted]");
}
