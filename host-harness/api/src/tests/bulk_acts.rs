//! Acts on many requests at once.

use std::collections::BTreeSet;

use host_model::{requests::RequestState, scope::Scopes};
use host_store::grant::Grant;
use iterable_stand_in::Fault;
use serde_json::{Value, json};
use test_support::eventually;

use crate::testing::{Answer, ApiBench};

const ACTS: &str = "/api/v1/bulk-acts";

/// Has the erasures of `people` fail. Returns their ids.
async fn failed(bench: &ApiBench, key: &str, people: &[&str]) -> Vec<String> {
    let no = json!({"code": "BadParams", "msg": "no"});
    bench.stand_in.fault(
        Fault::Answer(400, no),
        "POST /api/users/forget",
        u32::try_from(people.len()).unwrap(),
    );
    let mut ids = Vec::new();
    for person in people {
        let erasure = json!({"action": "erasure", "identity": {"email": person}});
        let sent = bench.send(key, "POST", "/api/v1/connection/newsletter/requests", Some(erasure)).await;
        ids.push(sent.json["id"].as_str().unwrap().to_owned());
    }
    for id in &ids {
        let state = async || bench.get(key, &format!("/api/v1/requests/{id}")).await.json["state"].clone();
        eventually("it fails", state, |state| *state == RequestState::Failed.as_ref()).await;
    }
    ids
}

async fn replay(bench: &ApiBench, key: &str, which: Value) -> Answer {
    let mut act = json!({"act": "replay"});
    act.as_object_mut().unwrap().extend(which.as_object().unwrap().clone());
    bench.send(key, "POST", ACTS, Some(act)).await
}

/// The act once it has ended.
async fn ended(bench: &ApiBench, key: &str, made: &Answer) -> Value {
    let path = format!("{ACTS}/{}", made.json["id"].as_str().unwrap());
    let act = async || bench.get(key, &path).await.json;
    eventually("the act ends", act, |act| act["ended_at"].is_number()).await
}

fn lines<'a>(audit: &'a [Value], what: &str) -> Vec<&'a Value> {
    audit.iter().filter(|line| line["what"] == what).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_match_are_replayed_and_an_odd_request_stops_no_other() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    bench.connect(&key, "acme", "newsletter").await;
    let ids = failed(&bench, &key, &["ada@example.com", "bob@example.com", "eve@example.com"]).await;
    // One whose person is no longer known here, and one that cannot be read.
    bench.sql("DELETE FROM request_keys WHERE request = 1").await;
    bench.sql("UPDATE requests SET step = 'dance' WHERE seq = 2").await;
    let made = replay(&bench, &key, json!({"filter": {"state": "failed"}, "expected": 3})).await;
    assert_eq!((made.status, &made.json["state"], &made.json["total"]), (202, &json!("running"), &json!(3)));
    let act = ended(&bench, &key, &made).await;
    assert_eq!((&act["state"], &act["done"], &act["refused"]), (&json!("done"), &json!(1), &json!(2)));
    let path = format!("{ACTS}/{}/requests", act["id"].as_str().unwrap());
    let results = bench.get(&key, &path).await.json;
    let results: Vec<_> = results["requests"].as_array().unwrap().iter().collect();
    assert_eq!(results.iter().map(|of| of["id"].as_str().unwrap()).collect::<Vec<_>>(), ids);
    let why = |at: usize| results[at]["why"].as_str().unwrap_or_default();
    assert!(
        why(0).contains("no longer known") && why(1).contains("dance") && why(2).is_empty(),
        "{results:?}"
    );
    let second = bench.get(&key, &format!("{path}?result=done&after={}&limit=1", ids[0])).await.json;
    assert_eq!(second["requests"][0]["id"], ids[2]);
    let audit = bench.audit("acme").await;
    assert_eq!(lines(&audit, "bulk-act-made")[0]["detail"]["requests"], 3);
    assert_eq!(lines(&audit, "bulk-act-done").len(), 1);
    let replayed = lines(&audit, "request-replayed");
    assert_eq!((replayed.len(), &replayed[0]["request"]), (1, &json!(ids[2])));
    assert!(replayed[0].to_string().contains(act["id"].as_str().unwrap()), "{replayed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_done_if_another_number_matches_than_expected() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    bench.connect(&key, "acme", "newsletter").await;
    let ids = failed(&bench, &key, &["ada@example.com", "bob@example.com"]).await;
    for which in [
        json!({"filter": {"state": "failed"}, "expected": 3}),
        json!({"ids": [ids[0], ids[0], ids[1]], "expected": 3}),
        json!({"ids": [ids[0], ids[1], "none"], "expected": 3}),
    ] {
        let refused = replay(&bench, &key, which.clone()).await;
        assert_eq!(refused.problem(), (409, "matches-changed"), "{which}");
        assert_eq!((&refused.json["found"], &refused.json["expected"]), (&json!(2), &json!(3)));
        assert!(refused.detail().contains("2 requests match, not 3"), "{refused:?}");
    }
    for which in [
        json!({"filter": {"state": "failed"}, "expected": 0}),
        json!({"filter": {"state": "failed"}, "ids": ids, "expected": 2}),
        json!({"expected": 2}),
        json!({"ids": [], "expected": 2}),
        json!({"ids": vec!["x"; 501], "expected": 2}),
        json!({"filter": {"email": "ada@example.com"}, "expected": 2}),
    ] {
        assert_eq!(replay(&bench, &key, which.clone()).await.problem(), (400, "bad-body"), "{which}");
    }
    assert_eq!(bench.get(&key, ACTS).await.json, json!({"acts": []}));
    let made = replay(&bench, &key, json!({"ids": [ids[1]], "expected": 1})).await;
    assert_eq!(ended(&bench, &key, &made).await["done"], 1);
    let untouched = bench.get(&key, &format!("/api/v1/requests/{}", ids[0])).await.json;
    assert_eq!(untouched["state"], "failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_two_people_an_act_waits_for_the_approval_of_the_other() {
    let bench = ApiBench::with("service.two-people = true").await;
    let key = bench.operator().await;
    let other = bench.key("other", None).await;
    bench.connect(&key, "acme", "newsletter").await;
    let ids = failed(&bench, &key, &["ada@example.com"]).await;
    let made = replay(&bench, &key, json!({"filter": {"state": "failed"}, "expected": 1})).await;
    assert_eq!(made.json["state"], "pending");
    let path = format!("{ACTS}/{}", made.json["id"].as_str().unwrap());
    let own = bench.send(&key, "POST", &format!("{path}/approve"), None).await;
    assert_eq!(own.problem(), (403, "second-person"));
    assert_eq!(bench.get(&key, &format!("/api/v1/requests/{}", ids[0])).await.json["state"], "failed");
    let pending = bench.get(&key, &format!("{ACTS}?state=pending")).await.json;
    assert_eq!(pending["acts"][0]["id"], made.json["id"]);
    let approved = bench.send(&other, "POST", &format!("{path}/approve"), None).await;
    assert_eq!(approved.status, 200);
    let act = ended(&bench, &key, &made).await;
    assert_eq!((&act["state"], &act["done"]), (&json!("done"), &json!(1)));
    for decision in ["approve", "withdraw"] {
        let late = bench.send(&other, "POST", &format!("{path}/{decision}"), None).await;
        assert_eq!(late.problem(), (409, "not-pending"), "{decision}");
    }
    let audit = bench.audit("acme").await;
    assert!(lines(&audit, "bulk-act-approved")[0]["detail"]["by"].as_str().unwrap().contains("other"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pending_act_is_withdrawn_or_expires_and_does_nothing() {
    let bench = ApiBench::with("service.two-people = true").await;
    let key = bench.operator().await;
    let other = bench.key("other", None).await;
    bench.connect(&key, "acme", "newsletter").await;
    let ids = failed(&bench, &key, &["ada@example.com"]).await;
    let which = || json!({"filter": {"state": "failed"}, "expected": 1});
    let made = replay(&bench, &key, which()).await;
    let path = format!("{ACTS}/{}", made.json["id"].as_str().unwrap());
    let withdrawn = bench.send(&key, "POST", &format!("{path}/withdraw"), None).await;
    assert_eq!((withdrawn.status, &withdrawn.json["state"]), (200, &json!("withdrawn")));
    let overdue = replay(&bench, &key, which()).await;
    bench.sql("UPDATE bulk_acts SET expires_at = 1 WHERE state = 'pending'").await;
    let path = format!("{ACTS}/{}", overdue.json["id"].as_str().unwrap());
    let late = bench.send(&other, "POST", &format!("{path}/approve"), None).await;
    assert_eq!(late.problem(), (409, "not-pending"));
    // A later act wakes the work, which ends the overdue one.
    replay(&bench, &key, which()).await;
    assert_eq!(ended(&bench, &key, &overdue).await["state"], "expired");
    assert_eq!(bench.get(&key, &format!("/api/v1/requests/{}", ids[0])).await.json["state"], "failed");
    let audit = bench.audit("acme").await;
    for what in ["bulk-act-withdrawn", "bulk-act-expired"] {
        assert_eq!(lines(&audit, what).len(), 1, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_act_goes_on_after_a_restart_and_repeats_no_request() {
    let bench = ApiBench::with("service.two-people = true").await;
    let key = bench.operator().await;
    bench.connect(&key, "acme", "newsletter").await;
    failed(&bench, &key, &["ada@example.com", "bob@example.com"]).await;
    let made = replay(&bench, &key, json!({"filter": {"state": "failed"}, "expected": 2})).await;
    // As a process leaves it that ended in the middle.
    bench.sql("UPDATE bulk_act_requests SET result = 'done' WHERE request = 1").await;
    bench.sql("UPDATE bulk_acts SET state = 'running', done = 1").await;
    let bench = bench.restarted().await;
    let act = ended(&bench, &key, &made).await;
    assert_eq!((&act["state"], &act["done"], &act["refused"]), (&json!("done"), &json!(2), &json!(0)));
    assert_eq!(lines(&bench.audit("acme").await, "request-replayed").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_act_beyond_the_reach_of_a_key_is_unknown_to_it() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    bench.connect(&key, "acme", "newsletter").await;
    let ids = failed(&bench, &key, &["ada@example.com"]).await;
    let made = replay(&bench, &key, json!({"ids": ids, "expected": 1})).await;
    ended(&bench, &key, &made).await;
    let path = format!("{ACTS}/{}", made.json["id"].as_str().unwrap());
    let others = BTreeSet::from(["other".to_owned()]);
    let narrow = bench.granted("narrow", Grant::of(Some(others), Scopes::All)).await;
    assert_eq!(bench.get(&narrow, ACTS).await.json, json!({"acts": []}));
    for (method, path) in [
        ("GET", path.clone()),
        ("GET", format!("{path}/requests")),
        ("POST", format!("{path}/approve")),
        ("POST", format!("{path}/withdraw")),
    ] {
        assert_eq!(bench.send(&narrow, method, &path, None).await.problem(), (404, "unknown"), "{path}");
    }
    let beyond = replay(&bench, &narrow, json!({"ids": ids, "expected": 1})).await;
    assert_eq!((beyond.problem(), &beyond.json["found"]), ((409, "matches-changed"), &json!(0)));
    let same = bench.key("same", Some(&["acme"])).await;
    assert_eq!(bench.get(&same, &path).await.json["id"], made.json["id"]);
}
