//! Tests each rule of the contract as the vendor sees it on the wire.

mod credentials;
mod denials;
mod ledger;
mod rotated;
mod traces;
mod vendor;
mod wire;

use std::{
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};

use tokio::time::Instant;

use super::{carry::QUICK_BYTES, *};
use crate::{
    clock::ManualClock,
    connection::{Connection, ConnectionSpec},
};
use host_model::{
    contract::{
        Interface,
        http::{HttpError, HttpErrorKind, Request, Response},
        manifest::{Capture, Field, Limit, Manifest, Operation, RequestPart, SettingSpec},
    },
    secret::Secret,
};
use vendor::{Sent, Vendor};

/// A manifest, a connection for it, and a vendor that answers from a list.
struct Bench {
    declaration: Declaration,
    connection: Connection,
    vendor: Arc<Vendor>,
    clock: Arc<ManualClock>,
    egress: Egress,
}

impl Bench {
    /// Creates a bench for `operation`, sent by erasure to `api.example.com` with the secret `api-key`.
    fn of(operation: Operation) -> Self {
        Self::with(Manifest { operations: vec![operation], ..Default::default() }, |_| {})
    }

    fn with(manifest: Manifest, change: impl FnOnce(&mut ConnectionSpec)) -> Self {
        let mut settings = vec![
            SettingSpec {
                name: "domain".into(),
                options: vec!["api.example.com".into()],
                ..Default::default()
            },
            SettingSpec { name: "region".into(), ..Default::default() },
            SettingSpec { name: "api-key".into(), secret: true, ..Default::default() },
        ];
        settings.extend(manifest.settings.clone());
        let manifest = Manifest { name: "example".into(), settings, ..manifest };
        let mut spec = ConnectionSpec {
            settings: [("domain".to_owned(), "api.example.com".to_owned())].into(),
            secrets: [("api-key".to_owned(), Secret::new("k-0123456789").unwrap())].into(),
            ..ConnectionSpec::new("acme", "newsletter", "example")
        };
        change(&mut spec);
        let declaration = Declaration::check(manifest).unwrap();
        let connection = spec.resolve(declaration.manifest()).unwrap();
        let (vendor, clock) = (Arc::new(Vendor::default()), Arc::new(ManualClock::default()));
        let egress = Egress::with_clock(Arc::clone(&vendor) as _, Arc::clone(&clock) as _);
        Self { declaration, connection, vendor, clock, egress }
    }

    async fn send(&self, request: Request) -> Result<Response, HttpError> {
        self.send_as(Interface::Erasure, request).await
    }

    async fn send_as(&self, interface: Interface, request: Request) -> Result<Response, HttpError> {
        self.egress.send(&self.caller(interface), request).await
    }

    fn caller(&self, interface: Interface) -> Sender<'_> {
        Sender {
            connection: &self.connection,
            declaration: &self.declaration,
            interface,
            deadline: Instant::now() + Duration::from_mins(1),
            trace: None,
            departs: &|| {},
            sent: &|_| {},
            computed: &|_| {},
        }
    }

    /// Sends `request` and returns what the vendor received.
    async fn wire(&self, request: Request) -> Sent {
        self.send(request).await.unwrap();
        self.vendor.sent().pop().unwrap()
    }

    /// Returns why `request` was not sent, and checks that nothing reached the vendor.
    async fn denial(&self, request: Request) -> String {
        let error = self.send(request).await.unwrap_err();
        assert_eq!((error.kind, error.request_sent), (HttpErrorKind::Denied, false), "{error:?}");
        assert!(self.vendor.sent().is_empty(), "something was sent");
        error.message
    }
}

#[tokio::test]
async fn a_long_answer_is_searched_on_another_thread_and_the_call_learns_for_how_long() {
    for (length, reports) in [(QUICK_BYTES, 0), (QUICK_BYTES + 1, 1), (2 * QUICK_BYTES, 1)] {
        let bench = Bench::of(operation());
        let secret = "k-0123456789";
        let body = format!("{secret}{}", ".".repeat(length - secret.len()));
        bench.vendor.answers(200, &[], &body);
        let reported = AtomicU32::new(0);
        let computed = |took| {
            assert!(took > Duration::ZERO);
            reported.fetch_add(1, Relaxed);
        };
        let caller = Sender { computed: &computed, ..bench.caller(Interface::Erasure) };
        let response = bench.egress.send(&caller, request()).await.unwrap();
        assert_eq!(response.body, body.replace(secret, "[redacted]").into_bytes());
        assert_eq!(reported.into_inner(), reports, "{length} bytes");
    }
}

fn operation() -> Operation {
    Operation {
        name: "forget".into(),
        used_by: vec!["erasure".into()],
        host_setting: "domain".into(),
        method: "POST".into(),
        path: "/people".into(),
        ..Default::default()
    }
}

fn field(place: RequestPart, name: &str, value: &str) -> Field {
    Field { place, name: name.into(), value: value.into() }
}

fn request() -> Request {
    Request { operation: "forget".into(), ..Default::default() }
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}
