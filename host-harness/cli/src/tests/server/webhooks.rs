use std::time::Duration;
use test_support::eventually;

use iterable_stand_in::{Act, AuthType, FIRST_WEBHOOK};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{Exit, Running};

/// Delivers what the stand-in sends to the service, as Iterable would.
async fn deliver(running: &Running) -> String {
    running.stand_in.seed("ada@example.com", None);
    running.stand_in.act("ada@example.com", &Act::UnsubscribeByLink { channel: 6539 });
    let delivery = running.stand_in.next_delivery().await;
    send(running, delivery.header("authorization").unwrap(), &delivery.body_bytes()).await
}

async fn send(running: &Running, token: &str, body: &[u8]) -> String {
    let length = body.len();
    let head = format!(
        "POST /api/v1/plus/connection/newsletter/consent-webhook HTTP/1.1\r\nhost: api\r\nconnection: close\r\n\
         authorization: {token}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.lines().next().unwrap().to_owned()
}

/// Sets up the webhook correctly at Iterable.
fn enter(running: &Running) {
    running.stand_in.with_project(|project| {
        let webhook = project.webhook(FIRST_WEBHOOK);
        webhook.auth_type = AuthType::OAuth2;
        webhook.endpoint =
            "https://hooks.example.com/api/v1/plus/connection/newsletter/consent-webhook".to_owned();
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn setup_hands_the_token_over_and_sees_the_first_delivery() {
    let running = Running::connected().await;
    enter(&running);
    let id = FIRST_WEBHOOK.to_string();
    let setup = ["webhook", "setup", "newsletter", "--webhook-id", &id, "--yes"];
    let vendor = async {
        // The wait begins once the vendor has the token.
        let list = ["token", "list", "newsletter", "--json"];
        let listed = async || running.run(&list).await.json();
        let has_it = |list: &Value| list["tokens"][0]["state"] == "current";
        eventually("the vendor has the token", listed, has_it).await;
        // Iterable's deliveries carry a new token only after a while.
        running.stand_in.clock().advance(Duration::from_hours(1));
        assert_eq!(deliver(&running).await, "HTTP/1.1 200 OK");
        std::future::pending::<()>().await;
    };
    let told = tokio::select! {
        told = running.run(&setup) => told,
        () = vendor => unreachable!("it sends once"),
    };
    assert_eq!(told.exit, Exit::Done, "{told:?}");
    assert!(told.out.starts_with("connection newsletter: its webhook works\ndelivery "), "{told:?}");
    for part in [
        "What to enter at the vendor\n  endpoint: https://hooks.example.com/api/v1/plus/connection/newsletter/consent-webhook\n",
        "Integrations > System Webhooks",
        "OAuth2",
        "  untried: setting `webhook-id` is empty",
        "installed: the vendor has a new token",
        "Waiting for a first delivery",
    ] {
        assert!(told.err.contains(part), "{part} is not in\n{}", told.err);
    }
    let shown = running.run(&["connection", "show", "newsletter", "--json"]).await.json();
    assert_eq!(shown["settings"]["webhook-id"], json!(id));

    let listed = running.run(&["delivery", "list", "newsletter", "--json"]).await.json();
    let delivery = listed["deliveries"][0]["id"].as_str().unwrap();
    let told = running.run(&["delivery", "list", "newsletter", "--state", "read"]).await.out;
    assert!(told.contains(delivery), "{told}");
    let told = running.run(&["delivery", "show", delivery]).await;
    told.assert_line("state read");
    let told = running.run(&["delivery", "replay", "--connection", "newsletter"]).await;
    assert_eq!(told.out, "deliveries to be re-read: 0\n");
    running.assert_discreet();
}

#[tokio::test(flavor = "multi_thread")]
async fn setup_asks_the_operator_and_shows_a_token_to_enter_by_hand_only_once() {
    let running = Running::connected().await;
    let told = running.answering(&["webhook", "setup", "newsletter", "--no-wait"], "\ny\n").await;
    assert_eq!(told.exit, Exit::Unproven, "{told:?}");
    let (token, rest) = told.out.split_once('\n').unwrap();
    assert!(
        rest.starts_with(
            "connection newsletter: everything is set up, but no delivery has been verified yet\n"
        ),
        "{rest}"
    );
    assert!(
        told.err.contains("What is the webhook's id?") && told.err.contains("Create a new token"),
        "{}",
        told.err
    );
    assert!(!told.err.contains(token));
    running.stand_in.with_project(|project| project.webhook(FIRST_WEBHOOK).set_token(token));
    enter(&running);
    assert_eq!(deliver(&running).await, "HTTP/1.1 200 OK");

    let told = running.answering(&["webhook", "setup", "newsletter"], "\nn\n").await;
    assert_eq!((told.exit, told.out.as_str()), (Exit::Misused, ""));
    assert!(
        told.err.ends_with(
            "error: no token was created\nnext: start again with `connector-host webhook setup newsletter`\n"
        ),
        "{}",
        told.err
    );
    let listed = running.run(&["token", "list", "newsletter", "--json"]).await.json();
    assert_eq!(listed["tokens"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn setup_without_a_person_to_ask_says_what_is_missing_and_changes_nothing() {
    let running = Running::connected().await;
    let told = running.run(&["webhook", "setup", "newsletter"]).await;
    assert_eq!((told.exit, told.out.as_str()), (Exit::Misused, ""));
    let missing = "next: pass --webhook-id ID if the vendor accepts tokens from the service, and --yes\n";
    assert!(told.err.ends_with(missing), "{}", told.err);
    let told = running.run(&["webhook", "setup", "newsletter", "--webhook-id", "4711", "--yes"]).await;
    assert_eq!(told.exit, Exit::Misused, "{told:?}");
    assert!(
        told.err.contains("4711") && told.err.contains("the webhook is not set up correctly"),
        "{}",
        told.err
    );
    let listed = running.run(&["token", "list", "newsletter", "--json"]).await.json();
    assert_eq!(listed, json!({"tokens": []}));
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_issued_listed_rotated_and_revoked() {
    let running = Running::connected().await;
    let issued = running.run(&["token", "issue", "newsletter"]).await;
    assert_eq!(
        (issued.exit, issued.err.as_str()),
        (Exit::Done, "accepted for 90 days; it is shown only once\n")
    );
    let token = issued.out.trim();
    assert!(token.len() > 32 && !token.contains(char::is_whitespace), "{token}");
    let rotated = running.run(&["token", "rotate", "newsletter"]).await;
    let installed = running.run(&["install-token", "newsletter"]).await;
    assert_eq!((rotated.exit, &rotated.out), (Exit::Refused, &installed.out));
    assert!(rotated.out.starts_with("connection newsletter: not installed: "), "{}", rotated.out);
    let listed = running.run(&["token", "list", "newsletter"]).await;
    assert!(!listed.out.contains(token), "{}", listed.out);
    let revoked = running.run(&["token", "revoke", "newsletter", "1"]).await;
    assert_eq!(revoked.out.lines().next(), Some("token 1 is revoked"), "{revoked:?}");
    assert!(revoked.out.contains("revoked"), "{}", revoked.out);
    let again = running.run(&["token", "revoke", "newsletter", "1"]).await;
    assert_eq!(again.err, "error: Not found: connection newsletter has no accepted token 1\n");
    let told = running.run(&["token", "list", "newsletter", "--json"]).await.json();
    assert_eq!(told["tokens"][0]["state"], json!("revoked"));
    running.assert_discreet();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_delivery_that_could_not_be_read_is_read_again_and_another_is_left_alone() {
    let running = Running::connected().await;
    let token = running.run(&["token", "issue", "newsletter"]).await.out;
    let token = format!("OAuth2 {}", token.trim());
    assert_eq!(send(&running, &token, b"no JSON").await, "HTTP/1.1 200 OK");
    let of_state = async |state| {
        let list = ["delivery", "list", "newsletter", "--state", state, "--json"];
        let first = async || running.run(&list).await.json()["deliveries"][0]["id"].clone();
        let id = eventually("a delivery of this state", first, Value::is_string).await;
        id.as_str().unwrap().to_owned()
    };
    let id = of_state("unreadable").await;
    let told = running.run(&["delivery", "replay", &id]).await;
    let next = format!("next: `connector-host delivery show {id}` shows its state\n");
    assert_eq!((told.exit, told.out), (Exit::Done, format!("delivery {id} will be re-read\n{next}")));
    let shown = async || running.run(&["delivery", "show", &id, "--json"]).await.json();
    let again = |shown: &Value| (&shown["state"], &shown["readings"]) == (&json!("unreadable"), &json!(2));
    eventually("a second reading", shown, again).await;
    assert_eq!(send(&running, &token, b"{\"eventName\": \"emailOpen\"}").await, "HTTP/1.1 200 OK");
    let other = of_state("of-no-concern").await;
    let told = running.run(&["delivery", "replay", &other]).await;
    assert_eq!(told.exit, Exit::Refused, "{told:?}");
    assert!(
        told.out
            .starts_with(&format!("delivery {other} is unchanged: only an unreadable, stuck or damaged ")),
        "{}",
        told.out
    );
    let told = running.run(&["delivery", "replay", "d-1"]).await;
    assert_eq!(
        (told.exit, told.err.as_str()),
        (Exit::Misused, "error: Not found: there is no delivery d-1\n")
    );
    running.assert_discreet();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_of_each_step_of_the_setup_is_shown_also_as_the_vendor_sees_it() {
    let running = Running::connected().await;
    let status = running.run(&["webhook", "status", "newsletter"]).await;
    assert_eq!(status.exit, Exit::Unproven, "{status:?}");
    for line in ["done     address: enter this URL", "open     token: no token is accepted: issue one"] {
        assert!(status.out.contains(line), "{line} is not in\n{}", status.out);
    }
    enter(&running);
    let id = format!("webhook-id={FIRST_WEBHOOK}");
    let set = running.run(&["connection", "change", "newsletter", "--setting", &id]).await;
    assert_eq!(set.exit, Exit::Done, "{set:?}");
    let state = async |more: &[&str]| {
        let shown =
            running.run(&[&["webhook", "status", "newsletter", "--json"], more].concat()).await.json();
        shown["steps"][2].clone()
    };
    assert_eq!(state(&[]).await["state"], "unknown");
    let tested = state(&["--test"]).await;
    assert_eq!((&tested["step"], &tested["state"]), (&json!("webhook"), &json!("done")), "{tested}");
    running.assert_discreet();
}
