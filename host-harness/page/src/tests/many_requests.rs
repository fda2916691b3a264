//! Many requests at once: found, chosen, and acted on by one person or two.

use host_api::testing::ApiBench;
use http::StatusCode;
use iterable_stand_in::Fault;
use serde_json::json;
use test_support::eventually;

use super::browser::{Browser, Received};

/// Has the erasures of `people` fail. Returns their ids.
async fn failed(bench: &ApiBench, key: &str, people: &[&str]) -> Vec<String> {
    bench.connect(key, "acme", "newsletter").await;
    let no = json!({"code": "BadParams", "msg": "no"});
    let times = u32::try_from(people.len()).unwrap();
    bench.stand_in.fault(Fault::Answer(400, no), "POST /api/users/forget", times);
    let mut ids = Vec::new();
    for person in people {
        let erasure = json!({"action": "erasure", "identity": {"email": person}});
        let sent = bench.send(key, "POST", "/api/v1/connection/newsletter/requests", Some(erasure)).await;
        ids.push(sent.json["id"].as_str().unwrap().to_owned());
    }
    for id in &ids {
        let state = async || bench.get(key, &format!("/api/v1/requests/{id}")).await.json["state"].clone();
        eventually("it fails", state, |state| state == "failed").await;
    }
    ids
}

/// The names and values of the hidden fields of a form.
fn hidden(screen: &Received) -> Vec<(String, String)> {
    let fields = screen.html.split("<input type=\"hidden\" name=\"").skip(1);
    let pair = |field: &str| {
        let (name, rest) = field.split_once("\" value=\"").unwrap();
        (name.to_owned(), rest.split_once('"').unwrap().0.to_owned())
    };
    fields.map(pair).collect()
}

/// Answers the question of `screen` with yes.
async fn confirmed(browser: &mut Browser, screen: &Received) -> Received {
    let fields = hidden(screen);
    let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    browser.post("/bulk-acts", &fields).await
}

/// The screen of an act once it says `text`.
async fn once(browser: &mut Browser, address: &str, text: &str) -> Received {
    eventually(text, async || browser.get(address).await, |shown| shown.html.contains(text)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn selected_requests_are_put_back_after_a_question_that_says_which() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    let ids = failed(&bench, &key, &["ada@example.com", "bob@example.com", "eve@example.com"]).await;
    let mut browser = Browser::signed_in(&bench, &key).await;
    let listed = browser.get("/requests?state=failed").await;
    listed.assert_shows(&[
        "3 requests match.",
        "Put all 3 that match back…",
        &format!("value=\"{}\"", ids[0]),
    ]);
    listed.assert_hides(&["ada@"]);
    let none = browser.post("/requests/selected", &[("state", "failed")]).await;
    assert_eq!(none.status, StatusCode::UNPROCESSABLE_ENTITY);
    none.assert_shows(&[
        "Select at least one request",
        "role=\"alert\"",
        "<option value=\"failed\" selected>",
    ]);
    let chosen = [("state", "failed"), ("id", &*ids[0]), ("id", &*ids[2])];
    let asked = browser.post("/requests/selected", &chosen).await;
    let short = |at: usize| ids[at].rsplit('-').next().unwrap();
    asked.assert_shows(&["Put 2 requests back in the queue?", short(0), short(2)]);
    asked.assert_hides(&[short(1)]);
    let made = confirmed(&mut browser, &asked).await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{made:?}");
    assert!(made.location().ends_with("?done=bulk-act-begun"), "{made:?}");
    let address = made.location().split('?').next().unwrap().to_owned();
    let done = once(&mut browser, &address, "2 of 2 have a result").await;
    done.assert_shows(&["Put 2 requests back in the queue", "on the page"]);
    browser.get("/bulk-acts").await.assert_shows(&[&address]);
    let state = async |at: usize| {
        bench.get(&key, &format!("/api/v1/requests/{}", ids[at])).await.json["state"].clone()
    };
    assert_eq!((state(1).await, state(0).await == "failed"), (json!("failed"), false));
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_match_are_put_back_unless_another_number_matches_by_then() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    let ids = failed(&bench, &key, &["ada@example.com", "bob@example.com", "eve@example.com"]).await;
    // One whose person is no longer known here.
    bench.sql("DELETE FROM request_keys WHERE request = 1").await;
    let mut browser = Browser::signed_in(&bench, &key).await;
    let asked = browser.get("/bulk-acts/new?state=failed&connection=newsletter").await;
    asked.assert_shows(&["Put 3 requests back in the queue?", "state failed, connection newsletter"]);
    let replayed = bench.send(&key, "POST", &format!("/api/v1/requests/{}/replay", ids[2]), None).await;
    assert_eq!(replayed.status, 202);
    let changed = confirmed(&mut browser, &asked).await;
    assert_eq!(changed.status, StatusCode::CONFLICT);
    changed.assert_shows(&["Nothing was done: 2 requests match, not 3", "Put 2 requests back in the queue?"]);
    let made = confirmed(&mut browser, &changed).await;
    let address = made.location().split('?').next().unwrap().to_owned();
    let done = once(&mut browser, &address, "2 of 2 have a result").await;
    done.assert_shows(&["<h2>Refused</h2>", &ids[0], "no longer known here"]);
    let nothing = browser.get("/bulk-acts/new?state=expired").await;
    assert_eq!((nothing.status, nothing.location()), (StatusCode::SEE_OTHER, "/requests?state=expired"));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_two_people_the_other_one_approves_and_one_who_may_not_is_offered_nothing() {
    let bench = ApiBench::with("service.two-people = true").await;
    let key = bench.operator().await;
    let ids = failed(&bench, &key, &["ada@example.com", "bob@example.com"]).await;
    let mut first = Browser::signed_in(&bench, &key).await;
    let asked = first.get("/bulk-acts/new?state=failed").await;
    let made = confirmed(&mut first, &asked).await;
    let address = made.location().split('?').next().unwrap().to_owned();
    first.get(made.location()).await.assert_shows(&["The act waits for the approval of another person."]);
    let own = first.get(&address).await;
    own.assert_shows(&["Waits for approval", "another person has to approve it", "Withdraw"]);
    own.assert_hides(&["Approve…"]);
    let refused = first.post(&format!("{address}/approve"), &[]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let reading = bench.reading_key("auditor", None).await;
    let mut auditor = Browser::signed_in(&bench, &reading).await;
    let listed = auditor.get("/requests?state=failed").await;
    listed.assert_shows(&["waits for the approval of another person"]);
    listed.assert_hides(&["Put the selected back", "type=\"checkbox\" name=\"id\""]);
    auditor.get(&address).await.assert_hides(&["Approve…", "Withdraw"]);
    let refused = auditor.post(&format!("{address}/withdraw"), &[]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let mut second = Browser::signed_in(&bench, &bench.key("second", None).await).await;
    second.get(&address).await.assert_shows(&["Approve…"]);
    second
        .get(&format!("{address}/approve"))
        .await
        .assert_shows(&["Approve: Put 2 requests back in the queue?"]);
    let approved = second.post(&format!("{address}/approve"), &[]).await;
    assert_eq!(approved.location(), format!("{address}?done=bulk-act-approved"));
    once(&mut second, &address, "2 of 2 have a result").await.assert_shows(&["Approved by", "second"]);
    for id in ids {
        assert_ne!(bench.get(&key, &format!("/api/v1/requests/{id}")).await.json["state"], "failed");
    }
    first.get("/requests").await.assert_hides(&["waits for the approval"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_says_what_holds_it_back_and_resumes_the_parked_connection() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    bench.connect(&key, "acme", "newsletter").await;
    bench.park(1, "the key is wrong").await;
    let erasure = json!({"action": "erasure", "identity": {"email": "ada@example.com"}});
    let sent = bench.send(&key, "POST", "/api/v1/connection/newsletter/requests", Some(erasure)).await;
    let id = sent.json["id"].as_str().unwrap();
    let person = bench.get(&key, &format!("/api/v1/requests/{id}")).await.json["person"].clone();
    let mut browser = Browser::signed_in(&bench, &key).await;
    let waits = "On hold: its connection is parked: the key is wrong";
    browser.get("/requests?waits_for=parked").await.assert_shows(&[id, person.as_str().unwrap(), waits]);
    browser
        .get("/requests?waits_for=limit")
        .await
        .assert_shows(&["No request matches.", "Show all requests"]);
    browser.get("/requests?late=true").await.assert_shows(&["No request matches."]);
    let shown = browser.get(&format!("/requests/{id}")).await;
    shown.assert_shows(&[
        "Held back by",
        "its connection is parked",
        "Resume connection newsletter",
        "30 days left",
    ]);
    let reading = bench.reading_key("auditor", None).await;
    let mut auditor = Browser::signed_in(&bench, &reading).await;
    auditor.get(&format!("/requests/{id}")).await.assert_hides(&["Resume connection"]);
    let resumed = browser.post(&format!("/requests/{id}/resume"), &[]).await;
    assert_eq!(resumed.location(), format!("/requests/{id}?done=connection-resumed"));
    let attempted = async || bench.get(&key, &format!("/api/v1/requests/{id}")).await.json;
    eventually("it runs", attempted, |request| request["step"] == "confirm").await;
    let shown = browser.get(&format!("/requests/{id}")).await;
    shown.assert_shows(&["POST /api/users/forget", "iterable 0."]);
    shown.assert_hides(&["Resume connection"]);
}
