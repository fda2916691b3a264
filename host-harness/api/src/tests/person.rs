use serde_json::json;

use crate::testing::ApiBench;

const CHOICES: &str = "/api/v1/connection/newsletter/choices";
const CONFIRM: &str = "/api/v1/connection/newsletter/confirm";
const VERIFY: &str = "/api/v1/connection/newsletter/verify-webhook";

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_only_reads_may_ask_about_a_person_and_another_tenants_may_not() {
    let bench = ApiBench::new().await;
    let operator = bench.operator().await;
    bench.connect(&operator, "acme", "newsletter").await;
    let reader = bench.reading_key("reader", Some(&["acme"])).await;
    let other = bench.key("other", Some(&["other"])).await;
    let ada = json!({"identity": {"email": "ada@example.com"}});
    let answer = bench.send(&reader, "POST", CHOICES, Some(ada.clone())).await;
    assert_eq!(
        (answer.status, &answer.json),
        (200, &json!({"connection": "newsletter", "known": false, "choices": []}))
    );
    let answer = bench.send(&reader, "POST", CONFIRM, Some(ada.clone())).await;
    assert_eq!((answer.status, &answer.json["status"]), (200, &json!("accepted")), "{answer:?}");
    let trial = json!({"headers": [["Authorization", "OAuth2 t-0123456789"]], "body": "e30="});
    let answer = bench.send(&reader, "POST", VERIFY, Some(trial.clone())).await;
    assert_eq!((answer.status, &answer.json["verdict"]), (200, &json!("unauthenticated")));
    assert!(!answer.text.contains("t-0123456789"), "{answer:?}");

    let before = bench.stand_in.requests().len();
    for (path, body) in [(CHOICES, &ada), (CONFIRM, &ada), (VERIFY, &trial)] {
        let answer = bench.send(&other, "POST", path, Some(body.clone())).await;
        assert_eq!(answer.problem(), (404, "unknown"), "{path}");
    }
    assert_eq!(bench.stand_in.requests().len(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_question_is_refused_with_the_place_of_the_problem() {
    let bench = ApiBench::new().await;
    let operator = bench.operator().await;
    bench.connect(&operator, "acme", "newsletter").await;
    for (path, body, kind, told) in [
        (
            CHOICES,
            json!({"identity": {"email": "ada@example.com"}, "reference": "r"}),
            (400, "bad-body"),
            "unknown field",
        ),
        (CHOICES, json!({"identity": {"fax": "1"}}), (422, "no-usable-kind"), "the person has no email"),
        (CONFIRM, json!({"identity": {"fax": "1"}}), (422, "no-usable-kind"), "the person has no email"),
        (CONFIRM, json!({"reference": "r"}), (400, "bad-body"), "missing field `identity`"),
        (VERIFY, json!({"body": "no base64!"}), (400, "bad-body"), "body: expected base64"),
        (
            VERIFY,
            json!({"body": "AAAA".repeat(90_000)}),
            (413, "too-large"),
            "the maximum for a delivery is 262144 bytes",
        ),
    ] {
        let answer = bench.send(&operator, "POST", path, Some(body)).await;
        assert_eq!(answer.problem(), kind, "{path}");
        assert!(answer.detail().contains(told), "{answer:?}");
    }
    let unknown = bench.get(&operator, "/api/v1/plugins/other").await;
    assert_eq!(unknown.problem(), (404, "unknown"));
    let shown = bench.get(&operator, "/api/v1/plugins/iterable").await;
    let operations = shown.json["manifest"]["operations"].as_array().unwrap();
    assert!(operations.iter().any(|operation| operation["path"] == "/api/users/forget"), "{shown:?}");
}
