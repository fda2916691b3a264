//! A user finds requests that failed, looks at one, and puts several back in the queue; with two people, the second approves.

use iterable_stand_in::Fault;
use reqwest::Method;
use serde_json::json;
use test_support::eventually;

use crate::walk::Walk;

/// Has erasures of `people` fail.
async fn fail(walk: &Walk, people: &[&str]) {
    walk.service.connect().await;
    let no = json!({"code": "BadParams", "msg": "The email address is not valid"});
    walk.service.stand_in.fault(
        Fault::Answer(400, no),
        "POST /api/users/forget",
        u32::try_from(people.len()).unwrap(),
    );
    for person in people {
        let erasure = json!({"action": "erasure", "identity": {"email": person}});
        walk.service.send(Method::POST, "/api/v1/connection/newsletter/requests", Some(erasure)).await;
    }
    let failed =
        async || walk.service.send(Method::GET, "/api/v1/requests?state=failed", None).await["count"].clone();
    eventually("the requests fail", failed, |count| *count == json!(people.len())).await;
}

pub(crate) async fn walk(walk: Walk) {
    walk.sign_in("ops", &["--role", "approver"]).await;
    walk.act("Requests").await;
    walk.sees("No request matches.").await;
    walk.look("requests-empty").await;
    fail(&walk, &["ada@example.com", "bob@example.com", "eve@example.com"]).await;
    walk.open("/requests").await;
    walk.choose("State", "failed").await;
    walk.act("Filter").await;
    walk.sees("3 requests match").await;
    walk.look("requests").await;
    walk.act("Put the selected back in the queue…").await;
    walk.sees("Select at least one request").await;
    walk.look("requests-none-selected").await;
    walk.tick("Select Erasure").await;
    walk.act("Put the selected back in the queue…").await;
    walk.sees("Put 1 request back in the queue?").await;
    walk.look("requests-question").await;
    walk.act("Put 1 request back in the queue").await;
    walk.comes_to_see("1 of 1 have a result").await;
    walk.look("act").await;
    walk.open("/requests?state=failed").await;
    walk.act("Put all 2 that match back…").await;
    walk.sees("Put 2 requests back in the queue?").await;
    walk.act("Put 2 requests back in the queue").await;
    walk.comes_to_see("2 of 2 have a result").await;
    walk.act("Acts on many requests").await;
    walk.look("acts").await;
    walk.open("/requests?state=waiting").await;
    walk.sees("look for proof").await;
    walk.look("requests-waiting").await;
    let listed = walk.service.send(Method::GET, "/api/v1/requests?limit=1", None).await;
    let id = listed["requests"][0]["id"].as_str().unwrap();
    walk.open(&format!("/requests/{id}")).await;
    walk.sees("POST /api/users/forget").await;
    walk.look("request").await;
    walk.sees_no("ada@example.com").await;
    walk.end().await;
}
