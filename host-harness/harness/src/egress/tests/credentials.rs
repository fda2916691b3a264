use super::*;

/// `forget` is sent with a token that `exchange` fetches for the secret `api-key`.
pub(super) fn with_exchange() -> Manifest {
    Manifest {
        operations: vec![
            Operation {
                fields: vec![field(RequestPart::Header, "Authorization", "Bearer {access-token}")],
                ..operation()
            },
            Operation {
                name: "exchange".into(),
                used_by: vec![],
                path: "/token".into(),
                content_type: Some("application/x-www-form-urlencoded".into()),
                fields: vec![field(RequestPart::Body, "refresh", "{api-key}")],
                captures: vec![
                    Capture {
                        field: "access".into(),
                        secret: "access-token".into(),
                        lifetime: Some("expires".into()),
                    },
                    Capture { field: "refresh".into(), secret: "api-key".into(), lifetime: None },
                ],
                ..operation()
            },
        ],
        ..Default::default()
    }
}

fn token(bench: &Bench, access: &str) {
    bench.vendor.answers(200, &[], &format!(r#"{{"access":"{access}","expires":3600}}"#));
}

/// Returns the requested paths and their tokens.
fn asked(bench: &Bench) -> Vec<(String, String)> {
    let sent = bench.vendor.sent();
    let path = |line: &str| line.rsplit('/').next().unwrap().to_owned();
    sent.iter()
        .map(|sent| {
            (
                path(&sent.line),
                sent.header("authorization").map_or(sent.body.clone().unwrap_or_default(), str::to_owned),
            )
        })
        .collect()
}

#[tokio::test]
async fn a_token_is_fetched_when_it_is_needed_and_kept_until_it_is_out_of_date() {
    let bench = Bench::with(with_exchange(), |_| {});
    token(&bench, "access-one");
    bench.send(request()).await.unwrap();
    bench.send(request()).await.unwrap();
    bench.clock.advance(Duration::from_secs(3_591));
    bench.vendor.answers(200, &[], r#"{"access":"access-two","expires":3600}"#);
    bench.send(request()).await.unwrap();
    assert_eq!(
        asked(&bench),
        pairs(&[
            ("token", "refresh=k-0123456789"),
            ("people", "Bearer access-one"),
            ("people", "Bearer access-one"),
            ("token", "refresh=k-0123456789"),
            ("people", "Bearer access-two"),
        ])
    );
}

#[tokio::test]
async fn a_token_that_is_refused_is_fetched_anew_once() {
    let bench = Bench::with(with_exchange(), |_| {});
    token(&bench, "access-one");
    bench.vendor.answers(401, &[], "");
    token(&bench, "access-two");
    assert_eq!(bench.send(request()).await.unwrap().status, 200);
    // The successor is refused as well, which is a valid answer.
    bench.vendor.answers(401, &[], "");
    token(&bench, "access-three");
    bench.vendor.answers(401, &[], "");
    assert_eq!(bench.send(request()).await.unwrap().status, 401);
    let tokens: Vec<_> =
        asked(&bench).into_iter().filter(|(path, _)| path == "people").map(|(_, token)| token).collect();
    assert_eq!(
        tokens,
        ["Bearer access-one", "Bearer access-two", "Bearer access-two", "Bearer access-three"]
    );
}

#[tokio::test]
async fn a_key_that_cannot_be_fetched_anew_is_not_tried_twice() {
    let bench = Bench::of(Operation {
        fields: vec![field(RequestPart::Header, "Api-Key", "{api-key}")],
        ..operation()
    });
    bench.vendor.answers(401, &[], "");
    assert_eq!(bench.send(request()).await.unwrap().status, 401);
    assert_eq!(bench.vendor.sent().len(), 1);
}

#[tokio::test]
async fn a_rotated_refresh_token_takes_the_place_of_the_operators() {
    let bench = Bench::with(with_exchange(), |_| {});
    bench.vendor.answers(200, &[], r#"{"access":"access-one","expires":60,"refresh":"refresh-two"}"#);
    bench.send(request()).await.unwrap();
    bench.clock.advance(Duration::from_mins(1));
    token(&bench, "access-two");
    bench.send(request()).await.unwrap();
    assert_eq!(asked(&bench)[2], ("token".to_owned(), "refresh=refresh-two".to_owned()));
}

#[tokio::test]
async fn a_token_that_the_vendor_does_not_hand_out_ends_as_no_credential() {
    let bench = Bench::with(with_exchange(), |_| {});
    bench.vendor.answers(400, &[], r#"{"error":"invalid_grant"}"#);
    let error = bench.send(request()).await.unwrap_err();
    assert_eq!((error.kind, error.request_sent), (HttpErrorKind::NoCredential, false));
    assert_eq!(
        error.message,
        "connection newsletter: exchange returned no access-token: the vendor answered 400"
    );
    // A token is not captured from a refusal either.
    bench.vendor.answers(400, &[], r#"{"access":"access-one"}"#);
    assert_eq!(bench.send(request()).await.unwrap_err().kind, HttpErrorKind::NoCredential);
}

#[tokio::test]
async fn calls_that_need_a_token_together_fetch_one() {
    let bench = Bench::with(with_exchange(), |_| {});
    token(&bench, "access-one");
    let (a, b, c) = tokio::join!(bench.send(request()), bench.send(request()), bench.send(request()));
    assert!([a, b, c].into_iter().all(|answer| answer.is_ok_and(|answer| answer.status == 200)));
    assert_eq!(asked(&bench).iter().filter(|(path, _)| path == "token").count(), 1);
}

#[tokio::test]
async fn a_guest_sees_an_empty_string_in_place_of_a_captured_secret_and_never_the_secret_again() {
    let manifest = Manifest {
        operations: vec![
            Operation {
                captures: vec![Capture {
                    field: "hook.secret".into(),
                    secret: "hook-secret".into(),
                    lifetime: None,
                }],
                ..operation()
            },
            Operation {
                name: "echo".into(),
                fields: vec![field(RequestPart::Header, "X-Hook", "{hook-secret}")],
                ..operation()
            },
        ],
        ..Default::default()
    };
    let bench = Bench::with(manifest, |_| {});
    bench.vendor.answers(200, &[], r#"{"hook":{"id":7,"secret":"s-0123456789"}}"#);
    let answer = bench.send(request()).await.unwrap();
    assert_eq!(String::from_utf8(answer.body).unwrap(), r#"{"hook":{"id":7,"secret":""}}"#);
    bench.vendor.answers(200, &[], "you sent s-0123456789");
    let answer = bench.send(Request { operation: "echo".into(), ..Default::default() }).await.unwrap();
    assert_eq!(bench.vendor.sent()[1].header("x-hook"), Some("s-0123456789"));
    assert_eq!(String::from_utf8(answer.body).unwrap(), "you sent [redacted]");
}

#[tokio::test]
async fn a_token_that_is_good_for_ever_is_kept() {
    let bench = Bench::with(with_exchange(), |_| {});
    bench.clock.advance(Duration::from_mins(1));
    bench.vendor.answers(200, &[], &format!(r#"{{"access":"access-one","expires":{}}}"#, u64::MAX));
    bench.send(request()).await.unwrap();
    bench.send(request()).await.unwrap();
    assert_eq!(asked(&bench).iter().filter(|(path, _)| path == "token").count(), 1);
}

#[tokio::test]
async fn a_renewal_that_brings_the_refused_token_again_sends_nothing_without_it() {
    let bench = Bench::with(with_exchange(), |_| {});
    token(&bench, "access-one");
    bench.vendor.answers(401, &[], "");
    token(&bench, "access-one");
    let error = bench.send(request()).await.unwrap_err();
    // The vendor has seen the operation and refused it.
    assert_eq!((error.kind, error.request_sent), (HttpErrorKind::NoCredential, true));
    assert_eq!(
        error.message,
        "connection newsletter: exchange returned no access-token but the one that was refused"
    );
    assert_eq!(asked(&bench).iter().filter(|(path, _)| path == "people").count(), 1);
}

#[tokio::test]
async fn a_token_that_was_replaced_is_still_masked() {
    let bench = Bench::with(with_exchange(), |_| {});
    token(&bench, "access-one");
    bench.send(request()).await.unwrap();
    bench.clock.advance(Duration::from_hours(1));
    token(&bench, "access-two");
    bench.vendor.answers(200, &[], "access-one, access-two");
    assert_eq!(bench.send(request()).await.unwrap().body, b"[redacted], [redacted]");
}

#[tokio::test]
async fn what_is_too_short_for_a_secret_is_not_kept_as_one() {
    let bench = Bench::with(with_exchange(), |_| {});
    token(&bench, "a");
    assert_eq!(bench.send(request()).await.unwrap_err().kind, HttpErrorKind::NoCredential);
}

#[tokio::test]
async fn what_was_captured_is_not_the_next_tenants_or_accounts_of_the_same_key() {
    let mut bench = Bench::with(with_exchange(), |_| {});
    token(&bench, "access-one");
    bench.send(request()).await.unwrap();
    let others: [fn(&mut ConnectionSpec); 2] = [
        |spec| spec.tenant = crate::connection::TenantId("other".into()),
        |spec| drop(spec.secrets.insert("api-key".into(), Secret::new("k-9876543210").unwrap())),
    ];
    for (change, access) in others.into_iter().zip(["access-two", "access-three"]) {
        bench.connection = Bench::with(with_exchange(), change).connection;
        token(&bench, access);
        bench.send(request()).await.unwrap();
        assert_eq!(asked(&bench).pop().unwrap().1, format!("Bearer {access}"));
    }
}
