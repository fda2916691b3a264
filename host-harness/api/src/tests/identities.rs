//! People as platforms name them, on every route that accepts one.

use serde_json::{Value, json};

use crate::testing::{Answer, ApiBench};

const ROUTES: [&str; 5] = ["requests", "consent", "reconcile", "choices", "confirm"];

/// The body of `route` for the person of `identity`, as text, since a key may occur twice in it.
fn body(route: &str, identity: &str) -> String {
    match route {
        "requests" => format!(r#"{{"action": "reading", "identity": {identity}}}"#),
        "consent" => format!(r#"{{"identity": {identity}, "preferences": {{}}}}"#),
        "reconcile" => format!(r#"{{"people": [{{"email": "bob@example.com"}}, {identity}]}}"#),
        _ => format!(r#"{{"identity": {identity}}}"#),
    }
}

async fn send(bench: &ApiBench, key: &str, route: &str, more: &str, identity: &str) -> Answer {
    let headers = format!("authorization: Bearer {key}\r\ncontent-type: application/json\r\n{more}");
    let path = format!("/api/v1/connection/newsletter/{route}");
    bench.raw("POST", &path, &headers, body(route, identity).as_bytes()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_or_ambiguous_identity_is_a_bad_body_on_every_route() {
    let bench = ApiBench::new().await;
    let operator = bench.operator().await;
    bench.connect(&operator, "acme", "newsletter").await;
    let long = format!(r#"{{"email": "{}"}}"#, "a".repeat(513));
    let before = bench.stand_in.requests().len();
    for route in ROUTES {
        let place = if route == "reconcile" { "people[1]" } else { "identity" };
        for (identity, why) in [
            ("{}", "at least one identifier with a value is required"),
            (r#"{"email": null}"#, "at least one identifier with a value is required"),
            (r#"{"email": " ", "external_id": {"label": "Id", "value": ""}}"#, "at least one identifier"),
            (r#"{"email": "ada@example.com", "email": "eve@example.com"}"#, "the key `email` occurs twice"),
            (&*long, "email: the identifier has 513 characters; at most 512 are accepted"),
            (r#"{"email": ["ada@example.com"]}"#, "email: expected a string, a number, null, or an object"),
        ] {
            let answer = send(&bench, &operator, route, "", identity).await;
            assert_eq!(answer.problem(), (400, "bad-body"), "{route} {identity}");
            let detail = answer.detail();
            assert!(detail.contains(place) && detail.contains(why), "{route} {identity}: {detail}");
            assert!(!answer.text.contains("@example.com"), "{answer:?}");
        }
    }
    assert_eq!(bench.stand_in.requests().len(), before, "the vendor is not called");
    let listed = bench.get(&operator, "/api/v1/requests").await;
    assert_eq!(listed.json["requests"], json!([]), "nothing is stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn null_a_number_and_a_labelled_value_are_taken_on_every_route() {
    let bench = ApiBench::new().await;
    let operator = bench.operator().await;
    bench.connect(&operator, "acme", "newsletter").await;
    for route in ROUTES {
        let identity =
            r#"{"email": {"label": "Email", "value": "ada@example.com"}, "external_id": 17, "shop": null}"#;
        let answer = send(&bench, &operator, route, "", identity).await;
        assert!([200, 202].contains(&answer.status), "{route}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_is_one_person_in_every_notation_and_a_long_number_keeps_its_digits() {
    let bench = ApiBench::new().await;
    let operator = bench.operator().await;
    let mut made = bench.connection("acme", "newsletter");
    made["settings"]["project-type"] = json!("user-id");
    assert_eq!(bench.send(&operator, "POST", "/api/v1/connection", Some(made)).await.status, 201);
    let submit = async |key: &str, identity: &str| {
        send(&bench, &operator, "requests", &format!("idempotency-key: {key}\r\n"), identity).await
    };
    let first = submit("k-1", r#"{"external_id": "123456789012345678901"}"#).await;
    assert_eq!(first.status, 202);
    for same in [
        r#"{"external_id": 123456789012345678901}"#,
        r#"{"external_id": {"label": "Id", "value": 123456789012345678901}, "email": null}"#,
    ] {
        let again = submit("k-1", same).await;
        assert_eq!((again.status, &again.json["id"]), (202, &first.json["id"]), "{same}");
        assert_eq!(again.json["was_sent_before"], Value::Bool(true));
    }
    let other = submit("k-1", r#"{"external_id": 123456789012345678902}"#).await;
    assert_eq!(other.problem(), (409, "key-reused"));
}
