//! Log lines, requests, and deeply nested JSON.

use std::sync::Arc;

use connector_tests::{Vendor, logs};
use host_harness::{
    contract::webhook::{Delivery, Verdict},
    door::AdmittedDelivery,
    plugin::Plugin,
};

use super::*;

#[tokio::test]
async fn lines_past_the_quota_are_counted_and_dropped() {
    logs::keep();
    let answer = misdeed("log-flood", CallLimits::default()).await.test_connection().await;
    assert_eq!(answer, passed("logged"));
    let lines = logs::lines(r#"connection="log-flood""#);
    assert_eq!(lines.len(), 257);
    assert!(lines[255].starts_with(" WARN ") && lines[255].contains("guest: line 255 "), "{}", lines[255]);
    assert!(
        lines[256].contains("guest exceeded its log quota") && lines[256].contains("dropped=4744"),
        "{}",
        lines[256]
    );
}

#[tokio::test]
async fn bytes_past_the_quota_are_dropped_and_a_long_line_is_cut() {
    logs::keep();
    let answer = misdeed("log-bytes", CallLimits::default()).await.test_connection().await;
    assert_eq!(answer, passed("logged"));
    let lines = logs::lines(r#"connection="log-bytes""#);
    // Sixteen lines of 4 KiB are 64 KiB.
    assert_eq!(lines.len(), 17, "{}", lines.len());
    assert!(lines[..16].iter().all(|line| line.matches('é').count() == 2_048));
    assert!(lines[16].contains("dropped=184"), "{}", lines[16]);
}

#[tokio::test]
async fn a_line_forges_no_other_and_holds_no_secret() {
    logs::keep();
    let mut spec = spec("log-forgery", &[("misdeed", "log-forgery")]);
    spec.secrets.insert("api-key".into(), connector_tests::secret("k-0123456789"));
    let answer = Bench::default().calls(&plugin("misbehaves").await, &spec).test_connection().await;
    assert_eq!(answer, passed("logged"));
    let lines = logs::lines(r#"connection="log-forgery""#);
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    assert!(
        line.contains(
            r"guest: all is well\n2026-11-24T00:00:00Z ERROR forged: \u{1b}[2J\u{202e}gone, [redacted]"
        ),
        "{line}"
    );
    assert!(logs::lines("ERROR forged").iter().all(|line| line.contains("all is well")));
}

#[tokio::test]
async fn requests_past_the_budget_are_refused_and_not_sent() {
    let vendor = Vendor::agreeable().await;
    let mut spec = spec("request-flood", &[("misdeed", "request-flood")]);
    vendor.allow(&mut spec);
    spec.limits.requests = 20;
    let answer = Bench::default().calls(&plugin("misbehaves").await, &spec).test_connection().await;
    assert_eq!(
        answer,
        passed(
            "20 sent, 1980 refused, last Some((ErrorKind::BudgetSpent, \
             \"this call has used up its 20 requests (limits.requests)\"))"
        )
    );
    assert_eq!(vendor.lines(), vec!["GET /look"; 20]);
    neighbour_works().await;
}

/// Reads a body with the JSON reader that connectors use.
async fn read(body: Vec<u8>) -> CallResult<Verdict> {
    read_on(&Bench::default(), &plugin("reads_json").await, body).await
}

/// Like `read`, on the engine of `bench` and with `plugin`.
pub(super) async fn read_on(bench: &Bench, plugin: &Arc<Plugin>, body: Vec<u8>) -> CallResult<Verdict> {
    let spec = spec("reads-json", &[]);
    let connection = spec.resolve(plugin.manifest()).unwrap();
    let delivery = Delivery {
        method: "POST".into(),
        url: "https://hooks.example.com/".into(),
        headers: Vec::new(),
        body,
        received_at_ms: 0,
    };
    let admitted = AdmittedDelivery::admit(&connection, plugin.manifest(), delivery);
    bench.calls(plugin, &spec).verify(&admitted).await
}

pub(super) fn nested(levels: usize) -> Vec<u8> {
    ["[".repeat(levels), "]".repeat(levels)].concat().into_bytes()
}

#[tokio::test]
async fn deep_json_is_read_or_refused_and_overflows_nothing() {
    let unreadable = |why: &str| Ok(Ok(Verdict::Unreadable(why.to_owned())));
    assert_eq!(read(nested(127)).await, unreadable("127 levels"));
    assert_eq!(read(nested(128)).await, unreadable("recursion limit exceeded at line 1 column 128"));
    assert_eq!(read(nested(100_000)).await, unreadable("recursion limit exceeded at line 1 column 128"));
    assert_eq!(read(vec![b'['; 1 << 20]).await, unreadable("recursion limit exceeded at line 1 column 128"));
    neighbour_works().await;
}
