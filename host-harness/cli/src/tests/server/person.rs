use std::time::Duration;
use test_support::eventually;

use iterable_stand_in::{Act, AuthType, FIRST_WEBHOOK, Fault};
use serde_json::json;

use super::{Exit, Running};

const ADA: [&str; 2] = ["--email", "ada@example.com"];

#[tokio::test(flavor = "multi_thread")]
async fn what_the_vendor_holds_for_a_person_is_asked_through_the_service() {
    let running = Running::connected().await;
    let choices = [&["choices", "newsletter"], &ADA[..]].concat();
    let told = running.run(&choices).await;
    assert_eq!(
        (told.exit, told.out.as_str()),
        (Exit::Done, "connection newsletter: the vendor does not know this person\n")
    );
    running.stand_in.seed("ada@example.com", None);
    running.stand_in.act("ada@example.com", &Act::UnsubscribeByLink { channel: 6539 });
    // Iterable shows a choice only after a while.
    running.stand_in.clock().advance(Duration::from_hours(1));
    let told = running.run(&choices).await;
    assert!(told.out.starts_with("connection newsletter: the vendor has stored\n"), "{}", told.out);
    told.assert_line("opt-out channel:6539");
    let json = running.run(&[&choices[..], &["--json"]].concat()).await.json();
    assert_eq!((&json["connection"], &json["known"]), (&json!("newsletter"), &json!(true)));
    let held = json["choices"].as_array().unwrap();
    assert!(
        held.contains(&json!({"item": {"kind": "channel", "id": "6539"}, "choice": "opt_out"})),
        "{json}"
    );
    assert!(running.stand_in.requests().iter().all(|sent| sent.method == "GET"));
    running.stand_in.fault(Fault::Answer(401, json!({"code": "BadApiKey", "msg": "no"})), "*", 9);
    let told = running.run(&choices).await;
    assert_eq!((told.exit, told.out.as_str()), (Exit::Refused, ""), "{told:?}");
    assert!(told.err.starts_with("error: The vendor or the connector failed: "), "{}", told.err);
    running.assert_discreet();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_that_is_no_request_is_confirmed_through_the_service() {
    let running = Running::connected().await;
    let confirm = [&["confirm", "newsletter", "--reference", "taken"], &ADA[..]].concat();
    running.run(&[&["erase", "newsletter"], &ADA[..]].concat()).await;
    eventually("a request arrives", async || running.stand_in.requests().len(), |count| *count > 0).await;
    let told = running.run(&confirm).await;
    assert_eq!(told.exit, Exit::Unproven, "{told:?}");
    assert!(told.out.starts_with("connection newsletter: accepted, but not yet proven"), "{}", told.out);
    running.stand_in.clock().advance(Duration::from_secs(701));
    let told = running.run(&confirm).await;
    assert_eq!(
        (told.exit, told.out.lines().next()),
        (Exit::Done, Some("connection newsletter: erased: the person is gone"))
    );
    assert_eq!(running.run(&[&confirm[..], &["--json"]].concat()).await.json()["status"], "erased");
    running.assert_discreet();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_is_tried_out_with_the_tokens_of_the_service_and_not_kept() {
    let running = Running::connected().await;
    let token = running.run(&["token", "issue", "newsletter"]).await.out;
    running.stand_in.with_project(|project| {
        project.webhook(FIRST_WEBHOOK).auth_type = AuthType::OAuth2;
        project.webhook(FIRST_WEBHOOK).set_token(token.trim());
    });
    running.stand_in.seed("ada@example.com", None);
    running.stand_in.act("ada@example.com", &Act::UnsubscribeByLink { channel: 6539 });
    let delivery = running.stand_in.next_delivery().await;
    let authorization = format!("Authorization: {}", delivery.header("authorization").unwrap());
    let body = String::from_utf8(delivery.body_bytes()).unwrap();
    let verify = ["verify-webhook", "newsletter", "--body", "-", "--header"];
    let told = running.fed(&[&verify[..], &[&authorization]].concat(), &body).await;
    assert_eq!(told.exit, Exit::Done, "{told:?}");
    assert!(
        told.out.starts_with("connection newsletter: authentic\n  email ada@example.com"),
        "{}",
        told.out
    );
    assert!(told.out.contains("    opt-out channel:6539, "), "{}", told.out);
    let json = running.fed(&[&verify[..], &[&authorization, "--json"]].concat(), &body).await.json();
    assert_eq!(
        (&json["verdict"], &json["events"][0]["preferences"][0]["choice"]),
        (&json!("authentic"), &json!("opt_out"))
    );

    let told =
        running.fed(&[&verify[..], &["Authorization: OAuth2 forged-0123456789"]].concat(), &body).await;
    assert_eq!(told.exit, Exit::Refused, "{told:?}");
    assert!(told.out.starts_with("connection newsletter: unauthenticated: "), "{}", told.out);
    assert!(!told.out.contains("forged"), "{}", told.out);
    let unread = running.fed(&[&verify[..], &[&authorization]].concat(), "{}").await;
    assert_eq!(unread.exit, Exit::Refused, "{unread:?}");

    // Nothing was stored, and no token counts as seen.
    let listed = running.run(&["delivery", "list", "newsletter", "--json"]).await.json();
    assert_eq!(listed, json!({"deliveries": []}));
    let tokens = running.run(&["token", "list", "newsletter", "--json"]).await.json();
    assert_eq!(tokens["tokens"][0]["seen_at"], json!(null), "{tokens}");
    assert_eq!(running.run(&["consent-events", "--json"]).await.json(), json!({"events": [], "cursor": 0}));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_tenants_connection_is_not_asked_about_any_person() {
    let running = Running::connected().await;
    running.new_key("other", &["--tenant", "other"]).await;
    let before = running.stand_in.requests().len();
    for arguments in [
        [&["choices", "newsletter"], &ADA[..]].concat(),
        [&["confirm", "newsletter"], &ADA[..]].concat(),
        vec!["verify-webhook", "newsletter", "--body", "-"],
        vec!["mapping", "show", "newsletter"],
        vec!["mapping", "export", "newsletter"],
        vec!["notice", "list", "--tenant", "acme"],
        vec!["system", "put", "crm", "--tenant", "acme", "--name", "CRM"],
    ] {
        let told = running.run_with("other", &arguments).await;
        assert_eq!((told.exit, told.out.as_str()), (Exit::Misused, ""), "{arguments:?}");
        assert!(told.err.starts_with("error: Not found: there is no "), "{arguments:?}: {}", told.err);
    }
    assert_eq!(running.stand_in.requests().len(), before);
    running.assert_discreet();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_runs_shows_everything_that_it_may_do_as_its_file_does() {
    let running = Running::new().await;
    let component = xtask::components::current("iterable").unwrap();
    let (exit, of_the_file, _) = super::super::ran(&["inspect", component.to_str().unwrap()]).await;
    assert_eq!(exit, Exit::Done);
    let told = running.run(&["inspect", "iterable"]).await;
    // Only a file has a bundle beside it.
    let of_the_file = of_the_file.replace("Bundle       none beside the file\n", "");
    assert_eq!((told.exit, told.out), (Exit::Done, of_the_file));
    let json = running.run(&["inspect", "iterable", "--json"]).await.json();
    assert_eq!(json["manifest"]["name"], "iterable");
    let told = running.run(&["inspect", "other"]).await;
    assert_eq!(told.err, "error: Not found: there is no plugin `other`\n");
}
