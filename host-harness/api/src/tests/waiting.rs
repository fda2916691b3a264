//! Clients that wait for the end of what they submit, and that send it again.

use std::time::{Duration, Instant};

use iterable_stand_in::Fault;
use serde_json::{Value, json};
use test_support::eventually;

use crate::testing::{Answer, ApiBench};

const CONSENT: &str = "/api/v1/connection/newsletter/consent";
const REQUESTS: &str = "/api/v1/connection/newsletter/requests";
/// Longer than any test that passes.
const LONG: &str = "prefer: wait=60";

fn opt_out(email: &str) -> Value {
    let choice = json!({"item": "channel:6539", "choice": "opt_out", "source": "fides"});
    json!({"identity": {"email": email}, "preferences": {"items": [choice]}})
}

fn no() -> Fault {
    Fault::Answer(400, json!({"code": "BadParams", "msg": "no"}))
}

async fn bench() -> (ApiBench, String) {
    // Short, so that a stop does not wait for a vendor that never answers.
    let bench = ApiBench::with("service.stop-grace-seconds = 1\n").await;
    let key = bench.operator().await;
    bench.connect(&key, "acme", "newsletter").await;
    (bench, key)
}

async fn submit(bench: &ApiBench, key: &str, path: &str, headers: &[&str], body: &Value) -> Answer {
    let authorization = format!("authorization: Bearer {key}");
    let all = [&[authorization.as_str(), "content-type: application/json"], headers].concat();
    let all = format!("{}\r\n", all.join("\r\n"));
    bench.raw("POST", path, &all, body.to_string().as_bytes()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_waits_gets_the_report_once_the_vendor_has_the_choice() {
    let (bench, key) = bench().await;
    let done =
        submit(&bench, &key, CONSENT, &["prefer: respond-async, wait=20"], &opt_out("ada@example.com")).await;
    assert_eq!((done.status, &done.json["state"]), (200, &json!("done")), "{done:?}");
    assert_eq!(done.json["outcome"]["report"][0]["status"], "executed");
    assert_eq!(done.json["attempts"].as_array().unwrap().len(), 1);
    assert!(done.headers.contains("preference-applied: wait=20"), "{done:?}");
    let reading = json!({"action": "reading", "identity": {"email": "bob@example.com"}});
    let read = submit(&bench, &key, REQUESTS, &[LONG], &reading).await;
    assert_eq!((read.status, &read.json["outcome"]["reading"]["known"]), (200, &json!(false)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_choice_that_was_not_carried_out_is_an_error_with_its_report() {
    let (bench, key) = bench().await;
    bench.stand_in.with_project(|project| project.seed(Some("ada@example.com"), None, None));
    bench.stand_in.fault(no(), "*", 1);
    let failed = submit(&bench, &key, CONSENT, &[LONG], &opt_out("ada@example.com")).await;
    assert_eq!(failed.problem(), (409, "not-carried-out"));
    assert_eq!((&failed.json["state"], &failed.json["complete"]), (&json!("failed"), &json!(false)));
    assert_eq!(failed.json["outcome"]["report"][0]["status"], "refused", "{failed:?}");
    let nothing = json!({"identity": {"email": "ada@example.com"}, "preferences": {}});
    let nothing = submit(&bench, &key, CONSENT, &[LONG], &nothing).await;
    assert_eq!(nothing.problem(), (409, "not-carried-out"));
    assert!(nothing.detail().ends_with("there was no choice to carry out"), "{nothing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_back_is_answered_at_once_with_the_reason() {
    let (bench, key) = bench().await;
    bench.stand_in.with_project(|project| project.seed(Some("ada@example.com"), None, None));
    let begun = Instant::now();
    let erasure = json!({"action": "erasure", "identity": {"email": "ada@example.com"}});
    let erased = submit(&bench, &key, REQUESTS, &[LONG], &erasure).await;
    assert_eq!((erased.status, &erased.json["held_back_by"]), (202, &json!("the vendor is working on it")));
    let consent = submit(&bench, &key, CONSENT, &[LONG], &opt_out("ada@example.com")).await;
    let why = "an erasure of the same person, which has to be proven first";
    assert_eq!((consent.status, &consent.json["held_back_by"]), (202, &json!(why)), "{consent:?}");
    bench.park(17, "the vendor refused the key").await;
    let parked = submit(&bench, &key, CONSENT, &[LONG], &opt_out("bob@example.com")).await;
    let why = "its connection is parked: the vendor refused the key";
    assert_eq!((parked.status, &parked.json["held_back_by"]), (202, &json!(why)), "{parked:?}");
    assert!(begun.elapsed() < Duration::from_mins(1), "none of them waited");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_over_the_maximum_is_cut_to_it_and_the_answer_says_so() {
    let (bench, key) = bench().await;
    let hour = ["prefer: wait=3600"];
    let done = submit(&bench, &key, CONSENT, &hour, &opt_out("bob@example.com")).await;
    assert_eq!(done.status, 200, "{done:?}");
    assert!(done.headers.contains("preference-applied: wait=55\r\n"), "{done:?}");
    // It is looked for the proof after eleven minutes: within the hour, but not within the maximum.
    bench.stand_in.with_project(|project| project.seed(Some("ada@example.com"), None, None));
    let erasure = json!({"action": "erasure", "identity": {"email": "ada@example.com"}});
    let erased = submit(&bench, &key, REQUESTS, &hour, &erasure);
    let erased = tokio::time::timeout(Duration::from_secs(50), erased).await.expect("it is not waited for");
    assert_eq!((erased.status, &erased.json["held_back_by"]), (202, &json!("the vendor is working on it")));
    assert!(erased.headers.contains("preference-applied: wait=55\r\n"), "{erased:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_ends_at_its_limit_and_when_the_service_stops_and_the_request_goes_on() {
    let (bench, key) = bench().await;
    bench.stand_in.fault(Fault::Hang, "*", u32::MAX);
    let over = submit(&bench, &key, CONSENT, &["prefer: wait=0"], &opt_out("ada@example.com")).await;
    assert_eq!((over.status, &over.json["held_back_by"]), (202, &Value::Null));
    let mut client = bench.client().await;
    let body = opt_out("bob@example.com").to_string();
    let head = format!(
        "POST {CONSENT} HTTP/1.1\r\nhost: api\r\nconnection: close\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\n{LONG}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let begun = Instant::now();
    let waiting = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        client.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        answer
    });
    let count = async || bench.get(&key, "/api/v1/requests").await.json["requests"].as_array().unwrap().len();
    eventually("the request is stored", count, |count| *count == 2).await;
    let stopped = bench.parts.requests.clone();
    let bench = bench.restarted().await;
    let answer = waiting.await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
    assert!(begun.elapsed() < Duration::from_mins(1));
    drop(stopped);
    let listed = bench.get(&key, "/api/v1/requests").await.json;
    assert_eq!(listed["requests"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_puts_a_failed_request_back_in_the_queue_only_if_it_says_so() {
    let (bench, key) = bench().await;
    bench.stand_in.with_project(|project| project.seed(Some("ada@example.com"), None, None));
    bench.stand_in.fault(no(), "*", 1);
    let once = ["idempotency-key: k-1", LONG];
    let failed = submit(&bench, &key, CONSENT, &once, &opt_out("ada@example.com")).await;
    assert_eq!(failed.problem(), (409, "not-carried-out"));
    let again = submit(&bench, &key, CONSENT, &once, &opt_out("ada@example.com")).await;
    assert_eq!((again.problem(), &again.json["id"]), ((409, "not-carried-out"), &failed.json["id"]));
    let replay = [&once[..], &["idempotency-replay: failed"]].concat();
    let done = submit(&bench, &key, CONSENT, &replay, &opt_out("ada@example.com")).await;
    assert_eq!((done.status, &done.json["id"]), (200, &failed.json["id"]), "{done:?}");
    let same = submit(&bench, &key, CONSENT, &replay, &opt_out("ada@example.com")).await;
    assert_eq!(
        (same.status, &same.json["attempts"]),
        (200, &done.json["attempts"]),
        "what is done stays done"
    );
    let wrong =
        submit(&bench, &key, CONSENT, &["idempotency-replay: all"], &opt_out("ada@example.com")).await;
    assert_eq!(wrong.problem(), (400, "bad-body"));
    let other = submit(&bench, &key, CONSENT, &replay, &opt_out("bob@example.com")).await;
    assert_eq!(other.problem(), (409, "key-reused"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_choice_that_the_vendor_refused_is_carried_out_by_a_repeat_as_the_choice_that_it_was() {
    let (bench, key) = bench().await;
    bench.stand_in.with_project(|project| project.seed(Some("dan@example.com"), None, None));
    bench.stand_in.fault(no(), "DELETE *", 1);
    let once = ["idempotency-key: k-2", LONG];
    let refused = submit(&bench, &key, CONSENT, &once, &opt_out("dan@example.com")).await;
    assert_eq!((refused.problem(), &refused.json["state"]), ((409, "not-carried-out"), &json!("done")));
    let same = submit(&bench, &key, CONSENT, &once, &opt_out("dan@example.com")).await;
    assert_eq!((same.status, &same.json["id"]), (409, &refused.json["id"]));
    let replay = [&once[..], &["idempotency-replay: failed"]].concat();
    let done = submit(&bench, &key, CONSENT, &replay, &opt_out("dan@example.com")).await;
    assert_eq!(done.status, 200, "{done:?}");
    assert_ne!(done.json["id"], refused.json["id"], "its data was destroyed, so it is a new request");
    let place = format!("/api/v1/requests/{}", refused.json["id"].as_str().unwrap());
    let before = bench.get(&key, &place).await.json;
    assert_eq!(before["received_at"], done.json["received_at"], "the choice was made then");
    let again = submit(&bench, &key, CONSENT, &replay, &opt_out("dan@example.com")).await;
    assert_eq!((again.status, &again.json["id"]), (200, &done.json["id"]));
}
