use strum::VariantArray;

use super::*;
use host_model::contract::manifest::Effect;

#[tokio::test]
async fn an_undeclared_operation_is_denied() {
    let bench = Bench::of(operation());
    assert_eq!(
        bench.denial(Request { operation: "export".into(), ..Default::default() }).await,
        "operation \"export\" is not declared: the manifest of example does not have it"
    );
}

#[tokio::test]
async fn an_operation_is_denied_to_the_calls_of_other_interfaces() {
    let bench = Bench::of(operation());
    let error = bench.send_as(Interface::WebhookVerify, request()).await.unwrap_err();
    assert_eq!(
        error.message,
        "operation forget is not for calls of webhook-verify: its used-by does not name that interface"
    );
    assert!(bench.vendor.sent().is_empty());
}

#[tokio::test]
async fn an_exchange_is_denied_to_every_call() {
    let exchange = Operation {
        used_by: vec![],
        captures: vec![Capture { field: "token".into(), secret: "api-key".into(), lifetime: None }],
        ..operation()
    };
    let bench = Bench::of(exchange);
    for interface in Interface::VARIANTS {
        assert_eq!(bench.send_as(*interface, request()).await.unwrap_err().kind, HttpErrorKind::Denied);
    }
    assert!(bench.vendor.sent().is_empty());
}

#[tokio::test]
async fn an_operation_that_the_operator_denies_shows_the_line_to_change() {
    let manifest = Manifest { operations: vec![operation()], ..Default::default() };
    let bench = Bench::with(manifest, |spec| spec.policy.denied_operations = ["forget".to_owned()].into());
    assert_eq!(
        bench.denial(request()).await,
        "operation forget is denied for connection newsletter; to allow it, remove it from this line of the configuration:\n\
         [connections.newsletter.egress]\n\
         denied-operations = [\"forget\"]"
    );
}

#[tokio::test]
async fn a_denied_exchange_is_not_sent_either() {
    let manifest = super::credentials::with_exchange();
    let bench = Bench::with(manifest, |spec| spec.policy.denied_operations = ["exchange".to_owned()].into());
    let error = bench.send(request()).await.unwrap_err();
    assert_eq!((error.kind, error.request_sent), (HttpErrorKind::NoCredential, false));
    assert!(error.message.contains("denied-operations = [\"exchange\"]"), "{error}");
    assert!(bench.vendor.sent().is_empty());
}

#[tokio::test]
async fn an_empty_value_makes_no_root_of_a_path_and_no_shorter_segment() {
    for path in ["/{person}", "/people/{person}.json", "/people/{person}/"] {
        let bench = Bench::of(Operation { path: path.into(), ..operation() });
        assert_eq!(
            bench.denial(Request { values: pairs(&[("person", "")]), ..request() }).await,
            "operation forget: a value for its path is empty, `.` or `..`, which would change the path"
        );
    }
    for path in ["/", "/people/"] {
        let bench = Bench::of(Operation { path: path.into(), ..operation() });
        assert_eq!(bench.wire(request()).await.line, format!("POST https://api.example.com{path}"));
    }
}

#[tokio::test]
async fn a_query_parameter_that_may_not_vary_is_denied() {
    let bench = Bench::of(Operation { query: vec!["ids".into()], ..operation() });
    assert_eq!(
        bench
            .denial(Request { query: pairs(&[("ids", "1"), ("delete_all_contacts", "true")]), ..request() })
            .await,
        "operation forget: the query parameter \"delete_all_contacts\" is not one that its declaration allows"
    );
}

#[tokio::test]
async fn an_empty_or_dotted_path_value_is_denied() {
    for path in ["/people/{person}", "/people/{person}/forget", "/people/{person}{rest}"] {
        let bench = Bench::of(Operation { path: path.into(), ..operation() });
        for value in ["", ".", ".."] {
            let mut values = pairs(&[("person", value)]);
            if path.contains("{rest}") {
                values.push(("rest".into(), String::new()));
            }
            assert_eq!(
                bench.denial(Request { values, ..request() }).await,
                "operation forget: a value for its path is empty, `.` or `..`, which would change the path"
            );
        }
    }
    let bench = Bench::of(Operation { path: "/people/{a}{b}".into(), ..operation() });
    bench.denial(Request { values: pairs(&[("a", "."), ("b", ".")]), ..request() }).await;
}

#[tokio::test]
async fn a_blank_left_open_filled_twice_or_unknown_is_denied() {
    let bench = Bench::of(Operation {
        path: "/people/{person}".into(),
        fields: vec![field(RequestPart::Header, "X-Sub", "{sub}")],
        ..operation()
    });
    for (values, fault) in [
        (&[("person", "1")][..], "operation forget: the blank {sub} was not filled"),
        (&[("sub", "1")], "operation forget: the blank {person} was not filled"),
        (&[("person", "1"), ("person", "2")], "operation forget: {person} is filled twice"),
        (&[("api-key", "mine")], "operation forget: {api-key} is not a blank that a value fills"),
        (&[("domain", "evil.example")], "operation forget: {domain} is not a blank that a value fills"),
    ] {
        assert_eq!(bench.denial(Request { values: pairs(values), ..request() }).await, fault);
    }
}

#[tokio::test]
async fn a_value_that_would_begin_another_header_is_denied() {
    let bench =
        Bench::of(Operation { fields: vec![field(RequestPart::Header, "X-Sub", "{sub}")], ..operation() });
    for value in ["a\r\nHost: evil.example", "a\nb", "a\0b"] {
        assert_eq!(
            bench.denial(Request { values: pairs(&[("sub", value)]), ..request() }).await,
            "operation forget: the header X-Sub would contain characters that a header cannot carry"
        );
    }
}

#[tokio::test]
async fn an_undeclared_body_is_denied() {
    let bench = Bench::of(operation());
    assert_eq!(
        bench.denial(Request { body: Some(vec![]), ..request() }).await,
        "operation forget: expected no body, found one"
    );
}

#[tokio::test]
async fn a_body_that_the_host_cannot_write_into_is_denied() {
    let bench = Bench::of(Operation {
        content_type: Some("application/json".into()),
        fields: vec![field(RequestPart::Body, "auth.key", "{api-key}")],
        ..operation()
    });
    let deep = "[".repeat(100_000);
    for body in ["", "[]", "{", "null", &deep] {
        assert_eq!(
            bench.denial(Request { body: Some(body.into()), ..request() }).await,
            "operation forget: the host writes into its body, so it must be a JSON object, at most 127 levels deep"
        );
    }
    assert_eq!(
        bench.denial(Request { body: Some(br#"{"auth":1}"#.to_vec()), ..request() }).await,
        "operation forget: the path to auth.key in the body contains a value that is not an object"
    );
}

#[tokio::test]
async fn a_body_over_the_cap_is_not_sent() {
    let manifest = Manifest {
        operations: vec![Operation { content_type: Some("text/plain".into()), ..operation() }],
        ..Default::default()
    };
    let bench = Bench::with(manifest, |spec| spec.policy.request_cap = 10);
    bench.send(Request { body: Some(vec![b'x'; 10]), ..request() }).await.unwrap();
    let error = bench.send(Request { body: Some(vec![b'x'; 11]), ..request() }).await.unwrap_err();
    assert_eq!((error.kind, error.request_sent), (HttpErrorKind::TooLarge, false));
    assert_eq!(
        error.message,
        "operation forget: its body has 11 bytes, more than 10 ([connections.newsletter.egress] request-cap)"
    );
}

#[tokio::test]
async fn a_full_limit_refuses_and_says_when_to_come_again() {
    let manifest = Manifest {
        operations: vec![
            Operation { limits: vec!["per-day".into()], ..operation() },
            Operation { name: "unforget".into(), limits: vec!["per-day".into()], ..operation() },
        ],
        limits: vec![Limit { name: "per-day".into(), requests: 2, period_ms: Some(86_400_000) }],
        ..Default::default()
    };
    let bench = Bench::with(manifest, |_| {});
    bench.send(request()).await.unwrap();
    // A limit that two operations share counts them together.
    bench.send(Request { operation: "unforget".into(), ..Default::default() }).await.unwrap();
    let error = bench.send(request()).await.unwrap_err();
    assert_eq!(
        error,
        HttpError {
            kind: HttpErrorKind::RateLimited,
            message: "operation forget: the vendor's limits are reached (per-day)".into(),
            request_sent: false,
            retry_after_ms: Some(86_400_001),
        }
    );
    assert_eq!(bench.vendor.sent().len(), 2);
    bench.clock.advance(Duration::from_millis(86_400_001));
    bench.send(request()).await.unwrap();
}

#[tokio::test]
async fn a_call_whose_time_is_over_sends_nothing() {
    let bench = Bench::of(operation());
    let caller = Sender {
        deadline: Instant::now(),
        departs: &|| panic!("nothing must be sent"),
        ..bench.caller(Interface::Erasure)
    };
    let error = bench.egress.send(&caller, request()).await.unwrap_err();
    assert_eq!((error.kind, error.request_sent), (HttpErrorKind::BudgetSpent, false));
    assert!(bench.vendor.sent().is_empty());
}

#[tokio::test]
async fn a_dry_run_reads_for_real_and_writes_nothing() {
    let manifest = Manifest {
        operations: vec![
            operation(),
            Operation { name: "read".into(), method: "GET".into(), effect: Effect::Read, ..operation() },
            Operation { name: "search".into(), effect: Effect::Read, ..operation() },
            Operation { name: "unsubscribe".into(), method: "GET".into(), ..operation() },
        ],
        ..Default::default()
    };
    let mut bench = Bench::with(manifest, |_| {});
    bench.egress = Egress::new(Arc::new(DryRun(Arc::clone(&bench.vendor))));
    let answer = bench.send(request()).await.unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"{}"[..]));
    for reading in ["read", "search", "unsubscribe"] {
        bench.send(Request { operation: reading.into(), ..Default::default() }).await.unwrap();
    }
    let lines: Vec<_> = bench.vendor.sent().into_iter().map(|sent| sent.line).collect();
    // A search by POST is sent; a GET that changes something is not.
    assert_eq!(lines, ["GET https://api.example.com/people", "POST https://api.example.com/people"]);
}
