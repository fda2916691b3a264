//! Answers as a guest sees them.

use std::time::{Duration, SystemTime};

use connector_tests::{Reply, Vendor};

use super::*;

#[tokio::test]
async fn both_forms_of_retry_after_reach_the_guest_as_a_wait() {
    let now = SystemTime::now();
    let date = |ahead: u64| httpdate::fmt_http_date(now + Duration::from_secs(ahead));
    let (sent, later) = (date(0), date(90));
    let vendor = Vendor::start(move |request| {
        let (sent, later) = (sent.clone(), later.clone());
        async move {
            let reply = Reply::new(429, "slow down").with("date", sent);
            match request.uri.query() {
                Some("page=seconds") => reply.with("retry-after", "60"),
                Some("page=date") => reply.with("retry-after", later),
                _ => reply.with("retry-after", "soon"),
            }
        }
    })
    .await;
    let step =
        |page: &str| json!({ "send": "person", "values": [["person", "1"]], "query": [["page", page]] });
    let script = json!([step("seconds"), step("date"), step("neither")]);
    let results = results(&puppet("retry-after", &vendor, script, |_| {}).await).await;
    assert_eq!(statuses(&results), [429, 429, 429]);
    let waits: Vec<_> = results.iter().map(|results| results["wait"].as_u64()).collect();
    assert_eq!(waits, [Some(60_000), Some(90_000), None]);
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let vendor = Vendor::start(|request| async move {
        match request.uri.path() {
            "/people/1" => Reply::new(302, "").with("location", "/elsewhere").with("set-cookie", "a=b"),
            _ => Reply::new(200, "followed"),
        }
    })
    .await;
    let script = json!([{ "send": "person", "values": [["person", "1"]] }]);
    let results = results(&puppet("redirect", &vendor, script, |_| {}).await).await;
    assert_eq!(
        results,
        [
            json!({ "status": 302, "headers": [["location", "/elsewhere"]], "wait": null, "length": 0, "body": "" })
        ]
    );
    assert_eq!(vendor.lines(), ["GET /people/1"]);
}

#[tokio::test]
async fn an_answer_is_capped_and_an_operation_may_declare_more() {
    let vendor = Vendor::start(|request| async move {
        Reply::new(200, "x".repeat(if request.uri.query().is_some() { (2 << 20) + 1 } else { (1 << 20) + 1 }))
    })
    .await;
    let person = json!({ "send": "person", "values": [["person", "1"]] });
    let script = json!([person, { "send": "export" }]);
    let results = results(&puppet("caps", &vendor, script.clone(), |_| {}).await).await;
    assert_eq!((&results[0]["kind"], &results[0]["sent"]), (&json!("ErrorKind::TooLarge"), &json!(true)));
    assert_eq!((&results[1]["status"], &results[1]["length"]), (&json!(200), &json!((1 << 20) + 1)));
    // The operator may lower the cap that an operation declares.
    let lowered = puppet("caps", &vendor, script, |spec| spec.policy.declared_response_cap = 1 << 20).await;
    let results = super::results(&lowered).await;
    assert_eq!(results[1]["kind"], json!("ErrorKind::TooLarge"));
}

#[tokio::test]
async fn a_vendor_that_is_not_there_is_unreachable() {
    let vendor = Vendor::agreeable().await;
    let calls = puppet("gone", &vendor, json!([{ "send": "seldom" }]), |_| {}).await;
    drop(vendor);
    tokio::task::yield_now().await;
    let results = results(&calls).await;
    assert_eq!(results[0]["kind"], json!("ErrorKind::Unreachable"), "{results:?}");
}
