//! Compares the cost of a sandboxed call with the same work without a sandbox. `cargo xtask bench` runs it and prints
//! the ratios.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a bench that cannot run must fail")]

use std::{
    collections::VecDeque,
    hint::black_box,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::{Duration, SystemTime},
};

use criterion::{Criterion, criterion_group, criterion_main};
use futures::future::BoxFuture;
use host_harness::{
    clock::Clock,
    connection::{CallLimits, Connection, ConnectionSpec},
    contract::{
        Interface, Subject,
        consent::{Choice, Preference},
        http::HttpError,
        webhook::Delivery,
    },
    door::AdmittedDelivery,
    egress::{Egress, Outgoing, Transport, VendorResponse},
    engine::{Engine, PoolSize},
    plugin::{LoadPolicy, Plugin},
    sandbox::{self, Calls, measure::WarmInstance},
    secret::Secret,
};
use iterable_connector::{consent, http, settings::Settings, subject::Identifier, webhook};
use tokio::runtime::Runtime;

/// An opt-out through an email link, as Iterable documents it: 604 bytes.
const EVENT: &str = r#"{"email":"docs@example.com","eventName":"emailUnSubscribe","dataFields":{"campaignId":1089024,"messageId":"bf008db8ab194b65816398c05bf30f99","emailId":"c1089024:t1526112:docs@example.com","workflowName":"My test workflow","messageTypeIds":[],"locale":null,"templateId":1526112,"emailSubject":"Upcoming events!","labels":[],"unsubSource":"EmailLink","createdAt":"2020-03-20 23:34:15 +00:00","templateName":"My test template","emailListIds":[],"messageTypeId":31082,"experimentId":null,"channelIds":[27447],"campaignName":"My test campaign","workflowId":76786,"email":"docs@example.com","channelId":27447}}"#;

/// The responses in the order of the requests of `apply`: catalogue, profile, write.
const ANSWERS: [&str; 3] = [
    r#"{"channels":[{"id":6539,"name":"Marketing Channel","channelType":"Marketing","messageMedium":"Email"}]}"#,
    r#"{"user":{"email":"docs@example.com","dataFields":{"email":"docs@example.com","emailListIds":[1],"unsubscribedChannelIds":[],"unsubscribedMessageTypeIds":[],"subscribedMessageTypeIds":[]}}}"#,
    r#"{"msg":"","code":"Success","params":null}"#,
];

/// A clock that advances by an hour whenever it is read, so that no published limit causes a wait.
#[derive(Debug, Default)]
struct Hours(AtomicU32);

impl Clock for Hours {
    fn now(&self) -> Duration {
        Duration::from_hours(self.0.fetch_add(1, Relaxed).into())
    }

    fn date(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }

    fn sleep_until(&self, _: Duration) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// A transport that answers from memory.
struct Memory;

impl Transport for Memory {
    fn send<'a>(
        &'a self,
        _: &'a Connection,
        outgoing: Outgoing,
    ) -> BoxFuture<'a, Result<VendorResponse, HttpError>> {
        let body = answer(&outgoing.path_and_query);
        Box::pin(std::future::ready(Ok(VendorResponse {
            status: 200,
            body: body.into(),
            ..Default::default()
        })))
    }
}

fn answer(path: &str) -> &'static str {
    match path {
        "/api/channels" => ANSWERS[0],
        "/api/users/updateSubscriptions" => ANSWERS[2],
        _ => ANSWERS[1],
    }
}

fn spec(limits: CallLimits) -> ConnectionSpec {
    ConnectionSpec {
        settings: [("subscriptions-api".to_owned(), "off".to_owned())].into(),
        secrets: [("api-key".to_owned(), Secret::new("0123456789abcdef0123456789abcdef").unwrap())].into(),
        accepted_tokens: vec![Secret::new("t-0123456789").unwrap().into()],
        limits,
        ..ConnectionSpec::new("acme", "newsletter", "iterable")
    }
}

/// Creates calls with the program's default limits.
fn calls(runtime: &Runtime) -> Calls {
    with_limits(runtime, CallLimits::default())
}

/// Creates calls with limits for an instance that makes all calls of a measurement.
fn patient_calls(runtime: &Runtime) -> Calls {
    let limits = CallLimits {
        cpu_ms: u64::MAX,
        requests: u32::MAX,
        host_calls: u32::MAX,
        handed_bytes: usize::MAX,
        ..CallLimits::default()
    };
    with_limits(runtime, limits)
}

fn with_limits(runtime: &Runtime, limits: CallLimits) -> Calls {
    let engine = Arc::new(Engine::new(&PoolSize::of(256).holding(&limits)).unwrap());
    let bytes = std::fs::read(xtask::components::current("iterable").expect("built")).unwrap();
    let plugin = runtime.block_on(Plugin::load(&engine, bytes, &LoadPolicy::default())).unwrap();
    let connection = spec(limits).resolve(plugin.manifest()).unwrap();
    let clock: Arc<dyn Clock> = Arc::new(Hours::default());
    let egress = Arc::new(Egress::with_clock(Arc::new(Memory), Arc::clone(&clock)));
    let runtime = sandbox::Runtime::new(engine, 32, clock, egress);
    Calls::new(runtime, Arc::new(plugin), Arc::new(connection))
}

fn delivery() -> Delivery {
    Delivery {
        method: "POST".into(),
        url: "https://platform.example.com/api/v1/plus/connection/newsletter/consent-webhook".into(),
        headers: vec![("authorization".into(), "OAuth2 t-0123456789".into())],
        body: EVENT.into(),
        received_at_ms: 1_790_000_000_000,
    }
}

fn warm(runtime: &Runtime, interface: Interface, admitted: &AdmittedDelivery) -> WarmInstance {
    let warm = runtime.block_on(patient_calls(runtime).warm(interface, admitted));
    warm.unwrap().expect("it verifies webhooks and sets choices")
}

fn verify(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let calls = calls(&runtime);
    let admitted = AdmittedDelivery::admit(calls.connection(), calls.plugin().manifest(), delivery());
    let mut group = criterion.benchmark_group("verify");
    let Delivery { headers, body, received_at_ms, .. } = delivery();
    let native = webhook::Delivery { headers, body, received_at_ms };
    group.bench_function("native", |b| b.iter(|| webhook::verify(black_box(&native), |_| true)));
    group.bench_function("warm", |b| {
        let mut warm = warm(&runtime, Interface::WebhookVerify, &admitted);
        b.iter(|| runtime.block_on(warm.verify(&admitted)).unwrap());
    });
    group.bench_function("instantiation", |b| {
        b.to_async(&runtime).iter(|| async { calls.instantiate().await.unwrap() });
    });
    group.bench_function("fresh", |b| {
        b.to_async(&runtime).iter(|| async { calls.verify(&admitted).await.unwrap().unwrap() });
    });
    group.finish();
}

fn apply(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let calls = calls(&runtime);
    let mut group = criterion.benchmark_group("apply");
    let settings = Settings::read(&[("subscriptions-api".into(), "off".into())]).unwrap();
    let subject = [Identifier { kind: "email".into(), value: "docs@example.com".into() }];
    let item = consent::ItemId { kind: consent::CHANNEL.into(), id: "6539".into() };
    let choice = consent::Choice::OptOut;
    let preferences = [consent::Preference { item, choice, chosen_at_ms: 0, source: "Bench".into() }];
    group.bench_function("native", |b| {
        b.iter(|| {
            let mut answers = VecDeque::from(ANSWERS);
            let mut vendor = |_: http::Request| {
                let body = answers.pop_front().unwrap_or_default().into();
                Ok(http::Response { status: 200, retry_after_ms: None, body })
            };
            consent::apply(&settings, &mut vendor, black_box(&subject), &preferences).unwrap()
        });
    });
    let preferences = [Preference {
        item: "channel:6539".parse().unwrap(),
        choice: Choice::OptOut,
        chosen_at_ms: 0,
        source: "Bench".into(),
    }];
    group.bench_function("warm", |b| {
        let admitted = AdmittedDelivery::admit(calls.connection(), calls.plugin().manifest(), delivery());
        let mut warm = warm(&runtime, Interface::Consent, &admitted);
        let subject = Subject::email("docs@example.com");
        b.iter(|| runtime.block_on(warm.apply(&subject, &preferences)).unwrap());
    });
    let subject = Subject::email("docs@example.com");
    group.bench_function("fresh", |b| {
        b.to_async(&runtime).iter(|| async { calls.apply(&subject, &preferences).await.unwrap().unwrap() });
    });
    group.finish();
}

criterion_group!(benches, verify, apply);
criterion_main!(benches);
