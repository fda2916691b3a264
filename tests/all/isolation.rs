//! Tenants see nothing of each other, and guests never see a secret.

use std::sync::Arc;
use test_support::eventually;

use connector_tests::{Bench, Reply, Vendor, engine, logs, plugin, secret, spec};
use host_harness::{
    connection::{ConnectionSpec, TenantId},
    contract::Check,
    engine::{Engine, PoolSize},
    plugin::{LoadPolicy, Plugin},
    sandbox::FailureKind,
};
use serde_json::json;
use tokio::sync::Notify;

/// Starts a vendor that echoes everything it receives.
async fn echo() -> Vendor {
    Vendor::start(|request| async move {
        let told = format!("{} {:?} {}", request.line(), request.headers, request.text());
        let link = request.header("authorization").unwrap_or_default().to_owned();
        Reply::new(400, told).with("link", link.clone()).with("location", link)
    })
    .await
}

fn of_tenant(tenant: &str, key: &str, vendor: &Vendor) -> ConnectionSpec {
    let script = json!([
        { "tell": "settings" },
        { "log": "hello" },
        { "send": "write", "values": [["sub", "x"]] },
        { "send": "basic" },
        { "send": "json", "body": "{}" },
        { "send": "form" },
        { "send": "person", "values": [["person", "ada"]] },
    ]);
    let mut spec = spec(key, &[("script", &script.to_string()), ("user", tenant)]);
    vendor.allow(&mut spec);
    spec.tenant = TenantId(tenant.to_owned());
    spec.secrets.insert("api-key".to_owned(), secret(&format!("canary-{tenant}-0123456789")));
    spec.secrets.insert("signing-key".to_owned(), secret(&format!("canary-{tenant}-signing")));
    spec
}

fn text(checks: &[Check]) -> String {
    format!("{checks:?}")
}

#[tokio::test]
async fn no_secret_reaches_a_guests_answer_settings_or_log() {
    logs::keep();
    let vendor = echo().await;
    let bench = Bench::default();
    let plugin = plugin("puppet").await;
    let first = bench.calls(&plugin, &of_tenant("first", "canary-first", &vendor));
    let second = bench.calls(&plugin, &of_tenant("second", "canary-second", &vendor));
    let (first, second) = tokio::join!(first.test_connection(), second.test_connection());
    let (first, second) = (text(&first.unwrap().unwrap()), text(&second.unwrap().unwrap()));
    // The secrets were sent and echoed.
    assert_eq!(vendor.received().len(), 10);
    let sent = format!("{:?}", vendor.received());
    assert!(sent.contains("canary-first-0123456789") && sent.contains("canary-second-0123456789"));
    assert!(first.contains("[redacted]") && second.contains("[redacted]"), "{first}");
    assert!(first.contains(r#"(\"user\", \"first\")"#), "{first}");
    for answer in [&first, &second, &logs::all()] {
        assert!(!answer.contains("-0123456789") && !answer.contains("-signing"), "{answer}");
        // The same in base64, as in `Basic`, and in hexadecimal.
        assert!(!answer.contains("LTAxMjM0NTY3ODk") && !answer.contains("2d30313233"), "{answer}");
    }
    // Neither tenant's answer contains anything of the other's.
    assert!(!first.contains("second") && !second.contains("first"), "{first}\n{second}");
}

#[tokio::test]
async fn a_refused_token_exchange_reveals_no_secret() {
    let vendor = echo().await;
    let mut spec = of_tenant("third", "canary-third", &vendor);
    let script = json!([{ "send": "guarded" }, { "send": "nowhere" }]);
    spec.settings.insert("script".to_owned(), script.to_string());
    let answer = Bench::default().calls(&plugin("puppet").await, &spec).test_connection().await;
    let answer = text(&answer.unwrap().unwrap());
    assert!(answer.contains("exchange returned no access-token: the vendor answered 400"), "{answer}");
    assert!(!answer.contains("canary-third-0123456789"), "{answer}");
}

/// Starts a vendor that answers once `release` is notified.
async fn held(release: &Arc<Notify>) -> Vendor {
    let release = Arc::clone(release);
    Vendor::start(move |_| {
        let release = Arc::clone(&release);
        async move {
            release.notified().await;
            Reply::new(200, "{}")
        }
    })
    .await
}

fn looking(tenant: &str, key: &str, vendor: &Vendor) -> ConnectionSpec {
    let mut spec = spec(key, &[]);
    vendor.allow(&mut spec);
    spec.tenant = TenantId(tenant.to_owned());
    spec
}

#[tokio::test]
async fn a_tenant_that_fills_its_share_waits_alone() {
    let release = Arc::new(Notify::new());
    let (slow, quick) = (held(&release).await, Vendor::agreeable().await);
    let bench = Bench::on(engine(), 2);
    let plugin = plugin("build_one").await;
    let greedy: Vec<_> = (0..5)
        .map(|_| {
            let calls = bench.calls(&plugin, &looking("greedy", "greedy", &slow));
            tokio::spawn(async move { calls.test_connection().await })
        })
        .collect();
    eventually("two calls are under way", async || slow.received().len(), |count| *count >= 2).await;
    // Meanwhile another tenant's calls succeed.
    for _ in 0..10 {
        let modest = bench.calls(&plugin, &looking("modest", "modest", &quick));
        assert_eq!(modest.test_connection().await.unwrap().unwrap()[0].name, "one");
    }
    assert_eq!(slow.received().len(), 2);
    let releasing = tokio::spawn(async move {
        loop {
            release.notify_waiters();
            tokio::task::yield_now().await;
        }
    });
    for call in greedy {
        assert_eq!(call.await.unwrap().unwrap().unwrap()[0].name, "one");
    }
    releasing.abort();
    assert_eq!(slow.received().len(), 5);
}

#[tokio::test]
async fn an_exhausted_pool_is_waited_for() {
    let small = Arc::new(Engine::new(&PoolSize::of(2)).unwrap());
    let bytes = connector_tests::guest("build_one");
    let plugin = Arc::new(Plugin::load(&small, bytes, &LoadPolicy::default()).await.unwrap());
    let release = Arc::new(Notify::new());
    let slow = held(&release).await;
    let bench = Bench::on(small, 16);
    let calls: Vec<_> = (0..6)
        .map(|n| {
            let calls = bench.calls(&plugin, &looking(&format!("t{n}"), &format!("pool-{n}"), &slow));
            tokio::spawn(async move { calls.test_connection().await })
        })
        .collect();
    eventually("two calls are under way", async || slow.received().len(), |count| *count >= 2).await;
    // A call without time to wait ends with its deadline, which goes by the machine's time.
    let mut hasty = looking("hasty", "hasty", &slow);
    hasty.limits.wall_ms = 150;
    let failure = bench.calls(&plugin, &hasty).test_connection().await.unwrap_err();
    assert_eq!((failure.kind, failure.may_have_acted), (FailureKind::DeadlinePassed, false));
    let releasing = tokio::spawn(async move {
        loop {
            release.notify_waiters();
            tokio::task::yield_now().await;
        }
    });
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().unwrap()[0].name, "one");
    }
    releasing.abort();
}
