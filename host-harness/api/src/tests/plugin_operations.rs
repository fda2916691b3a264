//! Operations on plugins, which go on without their client.

use std::time::Duration;

use host_model::plugin_operation::OperationState;
use serde_json::{Value, json};
use test_support::eventually;

use crate::testing::{Answer, ApiBench, tagged_guest};

const ASYNC: &str = "prefer: respond-async";

async fn post(bench: &ApiBench, key: &str, path: &str, prefer: &str, body: &[u8]) -> Answer {
    let headers = format!("authorization: Bearer {key}\r\ncontent-type: application/wasm\r\n{prefer}\r\n");
    bench.raw("POST", &format!("/api/v1/plugins/{path}"), &headers, body).await
}

/// The path of the operation that `answer` is about.
fn place(answer: &Answer) -> String {
    assert_eq!(answer.status, 202, "{answer:?}");
    assert!(answer.headers.contains("preference-applied: respond-async"), "{answer:?}");
    let place = format!("/api/v1/plugin-operations/{}", answer.json["id"].as_str().unwrap());
    assert!(answer.headers.contains(&format!("location: {place}\r\n")), "{answer:?}");
    place
}

fn states(operation: &Value) -> Vec<&str> {
    operation["steps"].as_array().unwrap().iter().map(|step| step["state"].as_str().unwrap()).collect()
}

/// The operation at `place` once it has ended.
async fn ended(bench: &ApiBench, key: &str, place: &str) -> Value {
    let shown = async || bench.get(key, place).await.json;
    eventually("the operation ends", shown, |shown| shown["state"] != "running").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publication_goes_on_without_its_client_and_shows_each_step_that_it_reaches() {
    let (bench, key) = ApiBench::with_guest("build_one", "").await;
    let changing = bench.parts.connections.hold_changes().await;
    let begun = post(&bench, &key, "guest", ASYNC, &tagged_guest("build_two", 1)).await;
    let place = place(&begun);
    assert_eq!((&begun.json["action"], &begun.json["state"]), (&json!("publish"), &json!("running")));
    let shown = async || bench.get(&key, &place).await.json;
    let proven = eventually("it is proven", shown, |shown| states(shown).len() == 3).await;
    assert_eq!(states(&proven), ["uploaded", "compiled", "proven"]);
    assert_eq!((&proven["state"], &proven["published"]), (&json!("running"), &Value::Null));
    drop(changing);
    let done = ended(&bench, &key, &place).await;
    assert_eq!((&done["state"], &done["problem"]), (&json!("succeeded"), &Value::Null), "{done}");
    assert_eq!(states(&done), ["uploaded", "compiled", "proven", "approved", "serving"]);
    assert_eq!(done["steps"], done["published"]["steps"]);
    let running = bench.get(&key, "/api/v1/plugins/guest").await.json["digest"].clone();
    assert_eq!((&done["digest"], &done["published"]["digest"]), (&running, &running));
    assert!(done["by"].as_str().unwrap().starts_with("API key operator ("), "{done}");
    assert!(done["ended_at"].as_i64() >= done["began_at"].as_i64(), "{done}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_operation_has_the_problem_that_a_waiting_client_is_answered() {
    let (bench, key) = ApiBench::with_guest("build_one", "").await;
    for (component, problem) in
        [(b"no wasm".to_vec(), "no-component"), (tagged_guest("build_greedy", 1), "asks-for-more")]
    {
        let waited = post(&bench, &key, "guest", "x: y", &component).await;
        assert_eq!(waited.problem().1, problem);
        let begun = post(&bench, &key, "guest", ASYNC, &component).await;
        let failed = ended(&bench, &key, &place(&begun)).await;
        assert_eq!((&failed["state"], &failed["problem"]), (&json!("failed"), &waited.json), "{failed}");
        assert_eq!(failed["published"], Value::Null);
        let last = failed["steps"].as_array().unwrap().last().unwrap();
        assert_eq!(last["state"], "refused", "{failed}");
    }
    let listed = bench.get(&key, "/api/v1/plugins/guest/operations").await.json;
    let listed: Vec<_> = listed["operations"].as_array().unwrap().iter().map(|of| &of["state"]).collect();
    assert_eq!(listed, ["failed"; 4], "those whose clients waited are listed, too");
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_roll_backs_and_put_backs_are_operations_too() {
    let (bench, key) = ApiBench::with_guest("build_one", "").await;
    let uploaded = post(&bench, &key, "guest/versions", ASYNC, &tagged_guest("build_one", 1)).await;
    let uploaded = ended(&bench, &key, &place(&uploaded)).await;
    assert_eq!((&uploaded["action"], &uploaded["uploaded"]["state"]), (&json!("upload"), &json!("proven")));
    let (version, file) = (uploaded["digest"].as_str().unwrap(), "/api/v1/plugins/guest");
    let file = bench.get(&key, file).await.json["digest"].clone();
    let approve = format!("/api/v1/plugins/guest/versions/{version}/approve");
    assert_eq!(bench.send(&key, "POST", &approve, None).await.status, 200);
    let served = post(&bench, &key, &format!("guest/versions/{version}/serve"), ASYNC, b"").await;
    let served = ended(&bench, &key, &place(&served)).await;
    assert_eq!((&served["action"], &served["published"]["digest"]), (&json!("serve"), &json!(version)));
    assert_eq!(states(&served), ["serving"], "it did not retire itself");
    let back = post(&bench, &key, "guest/roll-back", ASYNC, b"").await;
    let back = ended(&bench, &key, &place(&back)).await;
    assert_eq!((&back["action"], &back["digest"]), (&json!("roll_back"), &file), "{back}");
    let unknown = bench.get(&key, "/api/v1/plugin-operations/never").await;
    assert_eq!(unknown.problem(), (404, "unknown"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_may_wait_for_the_end_and_for_the_next_step() {
    let (bench, key) = ApiBench::with_guest("build_one", "").await;
    let done =
        post(&bench, &key, "guest", "prefer: respond-async, wait=60", &tagged_guest("build_one", 1)).await;
    assert_eq!((done.status, states(&done.json).len()), (200, 5), "{done:?}");
    let changing = bench.parts.connections.hold_changes().await;
    let begun =
        post(&bench, &key, "guest", "prefer: respond-async, wait=0", &tagged_guest("build_one", 2)).await;
    let place = place(&begun);
    let shown = async || bench.get(&key, &place).await.json;
    eventually("it is proven", shown, |shown| states(shown).len() == 3).await;
    // What the client does not know yet is answered at once, and the rest is waited for.
    let known = wait(&bench, &key, &place, 2).await;
    assert_eq!(states(&known), ["uploaded", "compiled", "proven"]);
    let mut waiting = Box::pin(wait(&bench, &key, &place, 3));
    let early = tokio::time::timeout(Duration::from_millis(50), &mut waiting).await;
    assert!(early.is_err(), "there is nothing new: {early:?}");
    drop(changing);
    assert!(states(&waiting.await).len() > 3);
    let done = ended(&bench, &key, &place).await;
    assert_eq!(wait(&bench, &key, &place, 5).await, done, "it has ended");
}

/// The operation at `place` once it has more than `seen` steps.
async fn wait(bench: &ApiBench, key: &str, place: &str, seen: usize) -> Value {
    let headers = format!("authorization: Bearer {key}\r\nprefer: wait=60\r\n");
    let shown = bench.raw("GET", &format!("{place}?seen={seen}"), &headers, b"").await;
    assert_eq!(shown.status, 200, "{shown:?}");
    assert!(shown.headers.contains("preference-applied: wait=55"), "{shown:?}");
    shown.json
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_waits_and_waits_for_an_operation() {
    let (bench, key) = ApiBench::with_guest("build_one", "").await;
    let connections = bench.parts.connections.clone();
    let changing = connections.hold_changes().await;
    let begun = post(&bench, &key, "guest", ASYNC, &tagged_guest("build_two", 1)).await;
    let place = place(&begun);
    let shown = async || bench.get(&key, &place).await.json;
    eventually("it is proven", shown, |shown| states(shown).len() == 3).await;
    let operations = bench.parts.operations.clone();
    let id = begun.json["id"].as_str().unwrap();
    let mut waiting = Box::pin(operations.wait(id, 3, Duration::from_mins(1)));
    assert!(futures::poll!(&mut waiting).is_pending());
    let released_after_the_wait = async {
        let report = waiting.await.unwrap().unwrap();
        drop(changing);
        report
    };
    let (bench, report) = tokio::join!(bench.restarted(), released_after_the_wait);
    assert_eq!(report.operation.state, OperationState::Running);
    let done = bench.get(&key, &place).await.json;
    assert_eq!((&done["state"], states(&done).len()), (&json!("succeeded"), 5), "{done}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_that_the_end_of_the_process_interrupted_has_failed() {
    let (bench, key) = ApiBench::with_guest("build_one", "").await;
    let begun = post(&bench, &key, "guest", ASYNC, &tagged_guest("build_two", 1)).await;
    let place = place(&begun);
    let done = ended(&bench, &key, &place).await;
    // What a process that was killed leaves.
    bench.sql("UPDATE plugin_operations SET state = 'running', ended_at = NULL, answer = NULL").await;
    let failed = bench.get(&key, &place).await.json;
    assert_eq!((&failed["state"], &failed["ended_at"]), (&json!("failed"), &Value::Null), "{failed}");
    assert_eq!(failed["problem"]["type"], "urn:connector-host:problem:unavailable");
    assert_eq!(failed["steps"], done["steps"], "what was stored of the version stays");
    assert_eq!(wait(&bench, &key, &place, 5).await, failed, "there is nothing to wait for");
    let listed = bench.get(&key, "/api/v1/plugins/guest/operations").await.json;
    assert_eq!(listed["operations"], json!([failed]));
}
