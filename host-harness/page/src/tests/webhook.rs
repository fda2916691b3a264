//! Setting up a webhook, and reading deliveries again.

use host_api::testing::ApiBench;
use http::StatusCode;
use iterable_stand_in::FIRST_WEBHOOK;
use test_support::eventually;

use super::browser::{Browser, Received};

const WEBHOOK: &str = "/connections/newsletter/webhook";
const DELIVERIES: &str = "/connections/newsletter/deliveries";
const HOOK: &str = "/api/v1/plus/connection/newsletter/consent-webhook";

async fn begun() -> (ApiBench, String, Browser) {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    bench.connect(&key, "acme", "newsletter").await;
    let browser = Browser::signed_in(&bench, &key).await;
    (bench, key, browser)
}

/// Issues a token on the page. Returns it.
async fn issued(browser: &mut Browser) -> String {
    let issued = browser.post(&format!("{WEBHOOK}/token"), &[]).await;
    assert_eq!(issued.status, StatusCode::OK, "{issued:?}");
    assert_eq!(issued.headers["cache-control"], "no-store");
    issued.assert_shows(&["never again"]);
    let (_, rest) = issued.html.split_once("class=\"secret\" value=\"").unwrap();
    let token = rest.split('"').next().unwrap().to_owned();
    assert_eq!(token.len(), 43, "{token}");
    token
}

/// Delivers what no connector reads, and waits until the screen says so.
async fn unread(bench: &ApiBench, browser: &mut Browser, token: &str, body: &str) -> Received {
    let header = format!("authorization: Bearer {token}\r\n");
    assert_eq!(bench.raw("POST", HOOK, &header, body.as_bytes()).await.status, 200);
    let shown = async || browser.get(&format!("{DELIVERIES}?unread=true")).await;
    eventually("it is unreadable", shown, |shown| shown.html.contains("Unreadable")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_step_of_the_setup_is_shown_and_a_token_only_once() {
    let (bench, key, mut browser) = begun().await;
    let first = browser.get(WEBHOOK).await;
    first.assert_shows(&[
        "1 of 7 steps are done",
        &format!("https://hooks.example.com{HOOK}"),
        "Integrations &#62; System Webhooks",
        "No token was issued",
        "Waiting for a first delivery",
        "<dt>Next rotation</dt><dd>by hand",
    ]);
    let token = issued(&mut browser).await;
    let shown = browser.get(WEBHOOK).await;
    shown.assert_shows(&["Token 1", "Offered", "0 days", "enter token 1 at the vendor"]);
    shown.assert_hides(&[&token]);
    let unread = unread(&bench, &mut browser, &token, "no JSON, ada@example.com").await;
    unread.assert_hides(&["ada@", &token]);
    let after = browser.get(WEBHOOK).await;
    after.assert_shows(&["5 of 7 steps are done", "a delivery carried token 1", "1 delivery</a>"]);

    let question = browser.get(&format!("{WEBHOOK}/tokens/1/revoke")).await;
    question.assert_shows(&["Revoke token 1 of newsletter?", "are refused from now on"]);
    let revoked = browser.post(&format!("{WEBHOOK}/tokens/1/revoke"), &[]).await;
    assert_eq!(
        (revoked.status, revoked.location()),
        (StatusCode::SEE_OTHER, &*format!("{WEBHOOK}?done=token-revoked"))
    );
    browser.get(WEBHOOK).await.assert_shows(&["Revoked"]);
    let header = format!("authorization: Bearer {token}\r\n");
    assert_eq!(bench.raw("POST", HOOK, &header, b"{}").await.status, 401);
    let tokens = bench.get(&key, &format!("{HOOK}/tokens")).await.json;
    assert_eq!(tokens["tokens"][0]["state"], "revoked");
    let lines = bench.audit("acme").await;
    for what in ["token-issued", "token-revoked"] {
        let line = lines.iter().find(|line| line["what"] == what).unwrap();
        assert!(line.to_string().contains("on the page"), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_vendor_is_asked_about_the_webhook_and_gets_a_new_token() {
    let (bench, key, mut browser) = begun().await;
    browser.post(&format!("{WEBHOOK}/check"), &[]).await.assert_shows(&["setting `webhook-id` is empty"]);
    let wrong = browser.post(&format!("{WEBHOOK}/id"), &[("webhook-id", " ")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    wrong.assert_shows(&["enter the number", "aria-invalid=\"true\"", "href=\"#webhook-id\""]);
    let id = FIRST_WEBHOOK.to_string();
    let saved = browser.post(&format!("{WEBHOOK}/id"), &[("webhook-id", &id)]).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{saved:?}");
    browser
        .get(saved.location())
        .await
        .assert_shows(&["The webhook ID is saved.", "Send the vendor a new token"]);
    let rotated = browser.post(&format!("{WEBHOOK}/rotate"), &[]).await;
    assert_eq!(rotated.location(), format!("{WEBHOOK}?done=token-installed"), "{rotated:?}");
    let shown = browser.get(rotated.location()).await;
    shown.assert_shows(&[
        "The vendor has a new token.",
        "the vendor accepted token 1",
        "<dt>Next rotation</dt><dd><time",
    ]);
    let tokens = bench.get(&key, &format!("{HOOK}/tokens")).await.json;
    assert_eq!(tokens["tokens"][0]["by_host"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn unread_deliveries_are_counted_before_they_are_read_again() {
    let (bench, key, mut browser) = begun().await;
    browser.get(DELIVERIES).await.assert_shows(&["Nothing has arrived yet."]);
    browser
        .get(&format!("{DELIVERIES}?unread=true"))
        .await
        .assert_shows(&["Every delivery that is kept was read."]);
    let token = issued(&mut browser).await;
    unread(&bench, &mut browser, &token, "no JSON").await;
    let wrong = browser.get(&format!("{DELIVERIES}/replay?since=yesterday")).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    wrong.assert_shows(&["value=\"yesterday\"", "found yesterday"]);
    let later = browser.get(&format!("{DELIVERIES}/replay?since=2999-01-01+12%3A00")).await;
    later.assert_shows(&["Read 0 deliveries to newsletter again?", "received since 2999-01-01 12:00 UTC"]);
    browser
        .get(&format!("{DELIVERIES}/replay?since="))
        .await
        .assert_shows(&["Read 1 delivery to newsletter again?"]);
    let path = "/api/v1/connection/newsletter/deliveries";
    let delivery = async || bench.get(&key, path).await.json["deliveries"][0].clone();
    assert_eq!(delivery().await["readings"], 1, "a question changes nothing");
    let replayed = browser.post(&format!("{DELIVERIES}/replay"), &[("since", "")]).await;
    assert_eq!(replayed.location(), format!("{DELIVERIES}?done=deliveries-replayed"));
    let again = |delivery: &serde_json::Value| delivery["readings"] == 2 && delivery["state"] == "unreadable";
    let read = eventually("it is read again", delivery, again).await;
    let id = read["id"].as_str().unwrap();
    let one = browser.post(&format!("{DELIVERIES}/{id}/replay"), &[]).await;
    assert_eq!(one.location(), format!("{DELIVERIES}?done=deliveries-replayed"));
    eventually("it is read once more", delivery, |delivery| delivery["readings"] == 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_only_reads_is_offered_no_token_and_gets_none() {
    let (bench, key, mut browser) = begun().await;
    let token = issued(&mut browser).await;
    unread(&bench, &mut browser, &token, "no JSON").await;
    let mut reader = Browser::signed_in(&bench, &bench.reading_key("auditor", None).await).await;
    let shown = reader.get(WEBHOOK).await;
    shown.assert_shows(&["Token 1"]);
    shown.assert_hides(&["Issue a token", "Revoke token", "Save the webhook ID"]);
    reader.get(&format!("{DELIVERIES}?unread=true")).await.assert_hides(&["Read again", "Count them first"]);
    for path in [
        format!("{WEBHOOK}/token"),
        format!("{WEBHOOK}/rotate"),
        format!("{WEBHOOK}/tokens/1/revoke"),
        format!("{DELIVERIES}/replay"),
    ] {
        let refused = reader.post(&path, &[("since", "")]).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path}");
    }
    let tokens = bench.get(&key, &format!("{HOOK}/tokens")).await.json;
    assert_eq!(tokens["tokens"].as_array().unwrap().len(), 1);
    let mut narrow = Browser::signed_in(&bench, &bench.key("other", Some(&["other"])).await).await;
    for path in [WEBHOOK, DELIVERIES] {
        assert_eq!(narrow.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}
