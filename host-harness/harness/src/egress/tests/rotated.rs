//! Secrets that a vendor issues in place of the connection's own, and a store that outlives the host.

use std::{collections::BTreeMap, sync::atomic::AtomicBool};

use futures::future::BoxFuture;
use parking_lot::Mutex;

use super::{credentials::with_exchange, *};
use host_model::secret::Secrets;

/// A store in memory, which can be made to fail.
#[derive(Default)]
struct Shelf {
    secrets: Mutex<BTreeMap<([u8; 32], String), Secret>>,
    fails: AtomicBool,
}

impl Shelf {
    fn answer<T>(&self, value: T) -> Result<T, NotStored> {
        if self.fails.load(Relaxed) {
            Err(NotStored::Unreachable("the shelf is away".into()))
        } else {
            Ok(value)
        }
    }
}

impl RotatedSecrets for Shelf {
    fn load<'a>(&'a self, connection: &'a Connection) -> BoxFuture<'a, Result<Secrets, NotStored>> {
        let secrets = self.secrets.lock();
        let of_account = secrets.iter().filter(|((account, _), _)| *account == connection.account);
        let found = of_account.map(|((_, name), secret)| (name.clone(), secret.clone())).collect();
        Box::pin(std::future::ready(self.answer(found)))
    }

    fn save<'a>(
        &'a self,
        connection: &'a Connection,
        name: &'a str,
        secret: &'a Secret,
    ) -> BoxFuture<'a, Result<(), NotStored>> {
        let saved = self.answer(());
        if saved.is_ok() {
            self.secrets.lock().insert((connection.account, name.to_owned()), secret.clone());
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
    again.vendor.answers(200, &[], ROTATED);
    again.send(request()).await.unwrap();
    assert_eq!(exchanged(&again), ["refresh=refresh-two"]);
}

#[tokio::test]
async fn an_access_token_is_not_stored_since_it_can_be_fetched_again() {
    let shelf = Arc::<Shelf>::default();
    let bench = started(&shelf);
    bench.vendor.answers(200, &[], ROTATED);
    bench.send(request()).await.unwrap();
    let names: Vec<String> = shelf.secrets.lock().keys().map(|(_, name)| name.clone()).collect();
    assert_eq!(names, ["api-key"]);
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
    shelf.fails.store(true, Relaxed);
    assert_eq!(bench.send(request()).await.unwrap().status, 200, "the new token is known in any case");
    assert!(shelf.secrets.lock().is_empty());
    shelf.fails.store(false, Relaxed);
    bench.send(request()).await.unwrap();
    let stored = shelf.secrets.lock().values().next().unwrap().clone();
    assert_eq!(stored.expose(), "refresh-two");
}

#[tokio::test]
async fn a_restored_secret_is_masked_in_answers() {
    let shelf = Arc::default();
    let bench = started(&shelf);
    bench.vendor.answers(200, &[], ROTATED);
    bench.send(request()).await.unwrap();
    let again = started(&shelf);
    again.vendor.answers(200, &[], r#"{"access":"access-two","expires":60}"#);
    again.vendor.answers(200, &[], "you sent refresh-two");
    let response = again.send(request()).await.unwrap();
    assert_eq!(String::from_utf8(response.body).unwrap(), "you sent [redacted]");
}
