//! A user finds requests that failed, looks at one, and puts several back in the queue.

use reqwest::Method;

use crate::walk::Walk;

pub(crate) async fn walk(walk: Walk) {
    walk.sign_in("ops", &["--role", "approver"]).await;
    walk.act("Requests").await;
    walk.sees("No request matches.").await;
    walk.look("requests-empty").await;
    walk.service.connect().await;
    walk.service.fail_erasures(&["ada@example.com", "bob@example.com", "eve@example.com"]).await;
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
