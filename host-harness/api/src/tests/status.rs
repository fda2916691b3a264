//! What a client learns that looks at the status code alone, such as Fides.

use serde_json::json;
use test_support::eventually;

use crate::testing::ApiBench;

const SUBMIT: &str = "/api/v1/connection/newsletter/requests";

/// Submits an erasure. Returns the path of its status.
async fn erase(bench: &ApiBench, key: &str, email: &str) -> String {
    let body = json!({"action": "erasure", "identity": {"email": email}});
    let sent = bench.send(key, "POST", SUBMIT, Some(body)).await;
    format!("/api/v1/requests/{}/status", sent.json["id"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_is_incomplete_until_the_request_is_done_and_says_whether_it_is_proven() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    bench.connect(&key, "acme", "newsletter").await;
    let place = erase(&bench, &key, "ada@example.com").await;
    let status = async || bench.get(&key, &place).await.json;
    let waiting = eventually("it is accepted", status, |status| status["reason"].is_string()).await;
    assert_eq!(
        (&waiting["complete"], &waiting["state"], &waiting["proven"]),
        (&json!(false), &json!("waiting"), &json!(false))
    );
    bench.sql("DELETE FROM open_requests").await;
    for (receipt, proven) in [("accepted", false), ("erased", true), ("not-found", true)] {
        let receipt = json!({"receipt": {"status": receipt, "evidence": "", "reference": null, "confirm-after-ms": null}});
        let sql = format!("UPDATE requests SET state = 'done', finished_at = 1, outcome = '{receipt}'");
        bench.sql(sql.leak()).await;
        let done = status().await;
        assert_eq!((&done["complete"], &done["state"]), (&json!(true), &json!("done")), "{receipt}");
        assert_eq!(done["proven"], proven, "{receipt}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_without_success_is_409_and_a_skipped_request_is_complete_only_on_demand() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    bench.connect(&key, "acme", "newsletter").await;
    let place = erase(&bench, &key, "ada@example.com").await;
    eventually(
        "it was sent",
        async || bench.get(&key, &place).await.json,
        |status| status["reason"].is_string(),
    )
    .await;
    bench.sql("DELETE FROM open_requests").await;
    for state in ["failed", "expired", "skipped"] {
        let sql =
            format!("UPDATE requests SET state = '{state}', reason = 'the vendor said no', finished_at = 1");
        bench.sql(sql.leak()).await;
        let ended = bench.get(&key, &place).await;
        assert_eq!(ended.problem(), (409, "not-carried-out"), "{state}");
        assert_eq!((&ended.json["state"], &ended.json["complete"]), (&json!(state), &json!(false)));
        assert!(ended.detail().ends_with("was not carried out: the vendor said no"), "{ended:?}");
        let lenient = bench.get(&key, &format!("{place}?skipped=complete")).await;
        if state == "skipped" {
            assert_eq!((lenient.status, &lenient.json["complete"]), (200, &json!(true)));
            assert_eq!(lenient.json["proven"], false);
        } else {
            assert_eq!(lenient.status, 409, "{state}");
        }
    }
    let wrong = bench.get(&key, &format!("{place}?skipped=done")).await;
    assert_eq!(wrong.problem(), (400, "bad-query"));
    assert_eq!(bench.get(&key, "/api/v1/requests/none/status").await.problem(), (404, "unknown"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_that_fails_is_424_on_demand_with_its_checks() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    bench.connect(&key, "acme", "newsletter").await;
    let path = "/api/v1/connection/newsletter/test?status-code=true";
    let works = bench.get(&key, path).await;
    assert_eq!((works.status, &works.json["test_status"]), (200, &json!("succeeded")));
    bench
        .send(
            &key,
            "PATCH",
            "/api/v1/connection/newsletter",
            Some(json!({"secrets": {"api-key": "wrong-key-0123"}})),
        )
        .await;
    let fails = bench.get(&key, path).await;
    assert_eq!(fails.problem(), (424, "test-failed"));
    assert!(fails.detail().contains("Iterable refused the key"), "{fails:?}");
    assert!(fails.json["checks"].as_array().unwrap().iter().any(|check| check["outcome"] == "failed"));
    let spelled = bench.get(&key, "/api/v1/connection/newsletter/test?status_code=true").await;
    assert_eq!(spelled.status, 424);
    let as_before = bench.get(&key, "/api/v1/connection/newsletter/test").await;
    assert_eq!((as_before.status, &as_before.json["test_status"]), (200, &json!("failed")));
}
