use proptest::prelude::*;

use super::*;

#[tokio::test]
async fn a_path_value_stays_within_its_segment() {
    let bench = Bench::of(Operation { path: "/people/{person}/forget".into(), ..operation() });
    for (value, sent) in [
        ("ada+news@example.com", "ada%2Bnews%40example.com"),
        ("a/../b", "a%2F..%2Fb"),
        ("a?b#c%2e&d=e", "a%3Fb%23c%252e%26d%3De"),
        ("é\r\n", "%C3%A9%0D%0A"),
        ("...", "..."),
    ] {
        let wire = bench.wire(Request { values: pairs(&[("person", value)]), ..request() }).await;
        assert_eq!(wire.line, format!("POST https://api.example.com/people/{sent}/forget"));
    }
}

#[tokio::test]
async fn scheme_words_keys_and_values_are_written_where_the_manifest_says() {
    let mut operation = operation();
    operation.query = vec!["page".into()];
    operation.fields = vec![
        field(RequestPart::Header, "Authorization", "Bearer {api-key}"),
        field(RequestPart::Header, "X-Version", "2026-11"),
        field(RequestPart::Header, "X-Subaccount", "{sub}"),
        field(RequestPart::Query, "key", "{api-key}"),
    ];
    let bench = Bench::of(operation);
    let wire = bench
        .wire(Request {
            query: pairs(&[("page", "1"), ("page", "a b")]),
            values: pairs(&[("sub", "eu-1")]),
            ..request()
        })
        .await;
    assert_eq!(wire.line, "POST https://api.example.com/people?page=1&page=a%20b&key=k-0123456789");
    assert_eq!(wire.header("authorization"), Some("Bearer k-0123456789"));
    assert_eq!(wire.header("x-version"), Some("2026-11"));
    assert_eq!(wire.header("x-subaccount"), Some("eu-1"));
}

#[tokio::test]
async fn basic_is_encoded_if_the_manifest_has_a_colon() {
    for (value, sent) in [
        ("Basic {api-key}:", "Basic ay0wMTIzNDU2Nzg5Og=="),
        ("Basic any:{api-key}", "Basic YW55OmstMDEyMzQ1Njc4OQ=="),
        ("Basic {api-key}", "Basic k-0123456789"),
    ] {
        let bench = Bench::of(Operation {
            fields: vec![field(RequestPart::Header, "Authorization", value)],
            ..operation()
        });
        assert_eq!(bench.wire(request()).await.header("authorization"), Some(sent));
    }
}

#[tokio::test]
async fn a_colon_in_a_secret_makes_no_pair_of_it() {
    let operation = Operation {
        fields: vec![field(RequestPart::Header, "Authorization", "Basic {api-key}")],
        ..operation()
    };
    let bench = Bench::with(Manifest { operations: vec![operation], ..Default::default() }, |spec| {
        spec.secrets.insert("api-key".into(), Secret::new("user:password").unwrap());
    });
    assert_eq!(bench.wire(request()).await.header("authorization"), Some("Basic user:password"));
}

#[tokio::test]
async fn a_field_in_json_goes_down_a_level_at_each_dot_and_replaces_what_the_connector_put_there() {
    let bench = Bench::of(Operation {
        content_type: Some("application/vnd.example.v1+json".into()),
        fields: vec![field(RequestPart::Body, "auth.key", "{api-key}")],
        ..operation()
    });
    let wire = bench
        .wire(Request { body: Some(br#"{"auth":{"key":"mine","id":1},"a":[1]}"#.to_vec()), ..request() })
        .await;
    assert_eq!(wire.body.as_deref(), Some(r#"{"a":[1],"auth":{"id":1,"key":"k-0123456789"}}"#));
    assert_eq!(wire.header("content-type"), Some("application/vnd.example.v1+json"));
    assert_eq!(bench.wire(request()).await.body.as_deref(), Some(r#"{"auth":{"key":"k-0123456789"}}"#));
}

#[tokio::test]
async fn a_field_in_a_form_replaces_every_pair_of_its_name() {
    let bench = Bench::of(Operation {
        content_type: Some("application/x-www-form-urlencoded".into()),
        fields: vec![field(RequestPart::Body, "key", "{api-key}")],
        ..operation()
    });
    let wire =
        bench.wire(Request { body: Some(b"key=mine&to=a+b%26&key=again".to_vec()), ..request() }).await;
    assert_eq!(wire.body.as_deref(), Some("to=a+b%26&key=k-0123456789"));
}

#[tokio::test]
async fn a_body_that_the_host_does_not_write_into_goes_as_it_is() {
    let bench = Bench::of(Operation { content_type: Some("text/xml".into()), ..operation() });
    let wire = bench.wire(Request { body: Some(b"<a/>".to_vec()), ..request() }).await;
    assert_eq!((wire.body.as_deref(), wire.header("content-type")), (Some("<a/>"), Some("text/xml")));
}

#[tokio::test]
async fn a_field_with_an_empty_optional_setting_is_left_out() {
    let fields = vec![
        field(RequestPart::Header, "X-Region", "eu {region}"),
        field(RequestPart::Header, "X-Key", "{api-key}"),
    ];
    let manifest = Manifest { operations: vec![Operation { fields, ..operation() }], ..Default::default() };
    let bench = Bench::with(manifest.clone(), |spec| spec.secrets.clear());
    let wire = bench.wire(request()).await;
    assert_eq!((wire.header("x-region"), wire.header("x-key")), (None, None));
    let bench = Bench::with(manifest, |spec| drop(spec.settings.insert("region".into(), "1".into())));
    let wire = bench.wire(request()).await;
    assert_eq!((wire.header("x-region"), wire.header("x-key")), (Some("eu 1"), Some("k-0123456789")));
}

#[tokio::test]
async fn if_a_field_is_left_out_the_connectors_own_value_for_it_is_removed() {
    let bench = Bench::of(Operation {
        query: vec!["region".into()],
        content_type: Some("application/json".into()),
        fields: vec![
            field(RequestPart::Query, "region", "{region}"),
            field(RequestPart::Body, "at.region", "{region}"),
        ],
        ..operation()
    });
    let body = Some(br#"{"at":{"region":"mine","id":1}}"#.to_vec());
    let wire = bench.wire(Request { query: pairs(&[("region", "mine")]), body, ..request() }).await;
    assert_eq!(wire.line, "POST https://api.example.com/people");
    assert_eq!(wire.body.as_deref(), Some(r#"{"at":{"id":1}}"#));
}

#[tokio::test]
async fn the_token_to_install_is_written_by_the_host_alone() {
    let install = Operation {
        used_by: vec!["webhook-token".into()],
        content_type: Some("application/json".into()),
        fields: vec![field(RequestPart::Body, "authToken", "{webhook-token}")],
        ..operation()
    };
    let manifest = Manifest { operations: vec![install], ..Default::default() };
    let with = Bench::with(manifest.clone(), |spec| spec.token_to_install = Secret::new("t-0123456789"));
    with.send_as(Interface::WebhookToken, request()).await.unwrap();
    assert_eq!(with.vendor.sent()[0].body.as_deref(), Some(r#"{"authToken":"t-0123456789"}"#));

    let without = Bench::with(manifest, |_| {});
    let error = without.send_as(Interface::WebhookToken, request()).await.unwrap_err();
    assert_eq!(error.kind, HttpErrorKind::NoCredential);
    assert_eq!(
        error.message,
        "operation forget: connection newsletter has no webhook token to install (token-to-install)"
    );
}

#[tokio::test]
async fn a_fresh_token_to_install_is_sent_and_its_echo_reaches_no_guest() {
    let install = Operation {
        used_by: vec!["webhook-token".into()],
        fields: vec![field(RequestPart::Header, "X-Token", "{webhook-token}")],
        ..operation()
    };
    let mut bench = Bench::of(install);
    bench.connection = bench.connection.installing(Secret::new("t-fresh-0123").unwrap());
    bench.vendor.answers(400, &[], "no good: t-fresh-0123, for k-0123456789");
    let response = bench.send_as(Interface::WebhookToken, request()).await.unwrap();
    assert_eq!(bench.vendor.sent()[0].header("x-token"), Some("t-fresh-0123"));
    assert_eq!(response.body, b"no good: [redacted], for [redacted]");
}

#[tokio::test]
async fn only_the_headers_that_the_manifest_asks_for_are_seen() {
    let bench = Bench::of(Operation { response_headers: vec!["Link".into()], ..operation() });
    bench.vendor.answers(200, &[("link", "<next>"), ("set-cookie", "s=1"), ("link", "<last>")], "{}");
    let response = bench.send(request()).await.unwrap();
    assert_eq!(response.headers, pairs(&[("link", "<next>"), ("link", "<last>")]));
}

#[tokio::test]
async fn both_forms_of_retry_after_reach_the_guest_as_a_wait() {
    let bench = Bench::of(operation());
    let in_a_minute = httpdate::fmt_http_date(bench.clock.date() + Duration::from_mins(1));
    for value in ["60", &in_a_minute] {
        bench.vendor.answers(429, &[("retry-after", value)], "");
        let wait = bench.send(request()).await.unwrap().retry_after_ms.unwrap();
        assert!((59_000..=60_000).contains(&wait), "{value}: {wait}");
    }
}

#[tokio::test]
async fn an_echoed_secret_reaches_no_guest() {
    let bench = Bench::of(Operation { response_headers: vec!["x-echo".into()], ..operation() });
    bench.vendor.answers(
        400,
        &[("x-echo", "k-0123456789")],
        "hdrs: (Api-Key,k-0123456789), ay0wMTIzNDU2Nzg5",
    );
    let response = bench.send(request()).await.unwrap();
    assert_eq!(response.headers, pairs(&[("x-echo", "[redacted]")]));
    let body = String::from_utf8(response.body).unwrap();
    assert!(body.starts_with("hdrs: (Api-Key,[redacted]), ") && !body.contains("MTIzNDU2Nzg"), "{body}");
}

proptest! {
    #![proptest_config(test_support::cases(256))]

    /// Whatever values a path contains, the vendor sees exactly the declared segments.
    #[test]
    fn no_value_leaves_its_segment(value in ".{0,40}") {
        let bench = Bench::of(Operation { path: "/people/{person}/forget".into(), ..operation() });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let sent = runtime.block_on(bench.send(Request { values: pairs(&[("person", &value)]), ..request() }));
        if sent.is_ok() {
            let line = bench.vendor.sent().pop().unwrap().line;
            let url = url::Url::parse(line.strip_prefix("POST ").unwrap()).unwrap();
            let segments: Vec<_> = url.path_segments().unwrap().collect();
            prop_assert_eq!((segments.len(), segments[0], segments[2]), (3, "people", "forget"));
            let decoded = percent_encoding::percent_decode_str(segments[1]).decode_utf8().unwrap().into_owned();
            prop_assert_eq!(decoded, value);
            prop_assert_eq!((url.query(), url.fragment(), url.host_str()), (None, None, Some("api.example.com")));
        } else {
            prop_assert!(["", ".", ".."].contains(&value.as_str()));
        }
    }
}
