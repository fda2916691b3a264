//! What a trace shows.

use super::*;

/// Sends `request` and returns what the trace shows of it.
async fn traced(bench: &Bench, request: Request) -> Exchange {
    let seen = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let trace = Trace::new({
        let seen = Arc::clone(&seen);
        move |event| seen.lock().push(event.clone())
    });
    let caller = Sender { trace: Some(&trace), ..bench.caller(Interface::Erasure) };
    bench.egress.send(&caller, request).await.unwrap();
    let Some(TraceEvent::Exchange(exchange)) = seen.lock().pop() else { panic!("nothing was traced") };
    exchange
}

#[tokio::test]
async fn a_trace_masks_credentials_and_shows_the_rest() {
    let bench = Bench::of(Operation {
        fields: vec![
            field(RequestPart::Header, "Api-Key", "{api-key}"),
            field(RequestPart::Query, "key", "{api-key}"),
        ],
        content_type: Some("application/json".into()),
        ..operation()
    });
    let body = Some(br#"{"email":"ada@example.com"}"#.to_vec());
    let exchange = traced(&bench, Request { body, ..request() }).await;
    assert_eq!(exchange.line, "POST https://api.example.com/people?key=[redacted]");
    assert_eq!(exchange.headers, pairs(&[("api-key", "[redacted]"), ("content-type", "application/json")]));
    assert_eq!(exchange.body.as_deref(), Some(r#"{"email":"ada@example.com"}"#));
    assert_eq!((exchange.outcome, exchange.acts), (Ok(200), true));
}

/// Part of a value would be enough to read the beginning of a secret from its base64.
#[tokio::test]
async fn a_field_or_a_path_segment_with_a_secret_is_masked_as_a_whole() {
    let written = |content_type: &str| {
        Bench::with(
            Manifest {
                operations: vec![Operation {
                    path: "/people/{person}/{region}:{api-key}/forget".into(),
                    fields: vec![
                        field(RequestPart::Header, "Authorization", "Basic {region}:{api-key}"),
                        field(RequestPart::Header, "X-Key", "Key {api-key};v=1"),
                        field(RequestPart::Query, "sign", "{region}/{api-key}"),
                        field(RequestPart::Body, "auth", "user \"{region}\" {api-key}"),
                        field(RequestPart::Body, "region", "{region}"),
                    ],
                    content_type: Some(content_type.into()),
                    ..operation()
                }],
                ..Default::default()
            },
            |spec| drop(spec.settings.insert("region".into(), "site-1".into())),
        )
    };
    let sent = || Request { values: pairs(&[("person", "ada")]), ..request() };
    let exchange = traced(&written("application/json"), sent()).await;
    assert_eq!(exchange.line, "POST https://api.example.com/people/ada/[redacted]/forget?sign=[redacted]");
    assert_eq!(
        exchange.headers,
        pairs(&[
            ("authorization", "[redacted]"),
            ("x-key", "[redacted]"),
            ("content-type", "application/json")
        ])
    );
    assert_eq!(exchange.body.as_deref(), Some(r#"{"auth":"[redacted]","region":"site-1"}"#));
    let exchange = traced(&written("application/x-www-form-urlencoded"), sent()).await;
    assert_eq!(exchange.body.as_deref(), Some("auth=[redacted]&region=site-1"));
}
