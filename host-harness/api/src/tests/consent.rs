//! Choices as platforms submit them.

use serde_json::{Value, json};

use crate::testing::{Answer, ApiBench};

const CONSENT: &str = "/api/v1/connection/newsletter/consent";

fn body(preferences: &Value) -> Value {
    json!({"identity": {"email": "ada@example.com"}, "preferences": preferences})
}

fn opt_out(more: &Value) -> Value {
    let mut choice = json!({"item": "channel:6539", "choice": "opt_out", "source": "fides"});
    choice.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body(&json!({"items": [choice]}))
}

async fn submit(bench: &ApiBench, key: &str, idempotency_key: &str, body: &Value) -> Answer {
    let headers = format!(
        "authorization: Bearer {key}\r\ncontent-type: application/json\r\nidempotency-key: {idempotency_key}\r\n"
    );
    bench.raw("POST", CONSENT, &headers, body.to_string().as_bytes()).await
}

/// A service with a connection and a notice.
async fn bench() -> (ApiBench, String) {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    bench.connect(&key, "acme", "newsletter").await;
    let notice = json!({"id": "n-1", "notice_key": "marketing", "name": "Marketing", "data_uses": ["a"],
        "enforcement_level": "system_wide"});
    let put = bench.send(&key, "PUT", "/api/v1/tenants/acme/notices/n-1", Some(notice)).await;
    assert_eq!(put.status, 204, "{put:?}");
    (bench, key)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_choice_without_a_time_is_made_now_and_its_repeat_is_the_same_request() {
    let (bench, key) = bench().await;
    let first = submit(&bench, &key, "k-1", &opt_out(&json!({}))).await;
    assert_eq!(first.status, 202, "{first:?}");
    let again = submit(&bench, &key, "k-1", &opt_out(&json!({"chosen_at": null}))).await;
    assert_eq!((again.status, &again.json["id"]), (202, &first.json["id"]));
    let dated = submit(&bench, &key, "k-1", &opt_out(&json!({"chosen_at": "2026-01-31T12:00:00Z"}))).await;
    assert_eq!(dated.problem(), (409, "key-reused"), "another time is another choice");
    let (times, received) = bench
        .write(|tx| {
            Box::pin(async move {
                let times: Vec<i64> =
                    sqlx::query_scalar("SELECT chosen_at FROM choices").fetch_all(&mut *tx).await?;
                let received: Vec<i64> =
                    sqlx::query_scalar("SELECT received_at FROM requests").fetch_all(&mut *tx).await?;
                Ok((times, received))
            })
        })
        .await;
    assert_eq!((times.len(), times), (1, received), "the time of the first arrival");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_spellings_of_a_time_are_the_same_choice() {
    let (bench, key) = bench().await;
    let first = submit(&bench, &key, "k-1", &opt_out(&json!({"chosen_at": "2026-01-31T12:00:00Z"}))).await;
    assert_eq!(first.status, 202, "{first:?}");
    for time in [
        json!({"chosen_at": 1_769_860_800_000_u64}),
        json!({"chosen_at_ms": 1_769_860_800_000_u64}),
        json!({"chosen-at-ms": 1_769_860_800_000_u64}),
    ] {
        let again = submit(&bench, &key, "k-1", &opt_out(&time)).await;
        assert_eq!((again.status, &again.json["id"]), (202, &first.json["id"]), "{time}");
    }
    for (time, why) in [
        (json!({"chosen_at": 1, "chosen_at_ms": 1}), "duplicate field"),
        (json!({"chosen_at": "today"}), "expected a time since 1970: RFC 3339"),
        (json!({"chosen_at": -1}), "expected a time since 1970: RFC 3339"),
    ] {
        let refused = submit(&bench, &key, "k-2", &opt_out(&time)).await;
        assert_eq!(refused.problem(), (400, "bad-body"), "{time}");
        assert!(refused.detail().contains(why), "{refused:?}");
    }
    let ahead = submit(&bench, &key, "k-3", &opt_out(&json!({"chosen_at": "2999-01-01T00:00:00Z"}))).await;
    assert_eq!(ahead.problem(), (422, "in-the-future"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_is_an_object_or_its_text_and_a_choice_has_one_name_everywhere() {
    let (bench, key) = bench().await;
    let first = submit(&bench, &key, "k-1", &opt_out(&json!({}))).await;
    let object = opt_out(&json!({"item": {"kind": "channel", "id": "6539"}}));
    assert_eq!(submit(&bench, &key, "k-1", &object).await.json["id"], first.json["id"]);
    for choice in ["choice", "preference"] {
        let notice =
            body(&json!({"notices": [{"notice": "marketing", choice: "opt_out", "source": "fides"}]}));
        let sent = submit(&bench, &key, "k-2", &notice).await;
        assert_eq!(sent.status, 202, "{choice}: {sent:?}");
    }
    for item in [json!("6539"), json!(":"), json!({"kind": "channel"}), json!(7)] {
        let refused = submit(&bench, &key, "k-3", &opt_out(&json!({"item": item}))).await;
        assert_eq!(refused.problem(), (400, "bad-body"), "{item}");
        assert!(refused.detail().contains("a text such as channel:6539"), "{refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_notice_is_refused_at_once_and_nothing_is_stored() {
    let (bench, key) = bench().await;
    let choice = |notice: &str| json!({"notice": notice, "preference": "opt_out", "source": "fides"});
    let mixed = body(&json!({"notices": [choice("n-1"), choice("sales"), choice("n-9")]}));
    let refused = submit(&bench, &key, "k-1", &mixed).await;
    assert_eq!(refused.problem(), (422, "unknown-notice"));
    assert_eq!(refused.json["notices"], json!(["n-9", "sales"]));
    assert_eq!(
        refused.detail(),
        "there is no notice `n-9`, `sales`: register it, or correct its name, then send the request again"
    );
    assert_eq!(bench.get(&key, "/api/v1/requests").await.json["requests"], json!([]));
    let known = body(&json!({"notices": [choice("n-1")]}));
    let sent = submit(&bench, &key, "k-1", &known).await;
    assert_eq!(sent.status, 202, "the key is still free: {sent:?}");
    bench.send(&key, "DELETE", "/api/v1/tenants/acme/notices/n-1", None).await;
    let again = submit(&bench, &key, "k-1", &known).await;
    assert_eq!((again.status, &again.json["id"]), (202, &sent.json["id"]), "a repeat is not checked again");
}
