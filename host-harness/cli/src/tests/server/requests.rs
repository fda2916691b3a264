use iterable_stand_in::Fault;
use serde_json::{Value, json};
use test_support::eventually;

use super::{Exit, Kept, Running};

/// An answer that ends a request.
fn no() -> Fault {
    Fault::Answer(400, json!({"code": "BadParams", "msg": "no"}))
}

async fn state(running: &Running, id: &str) -> Value {
    running.run(&["request", "show", id, "--json"]).await.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_is_given_to_the_service_once_and_looked_at() {
    let running = Running::connected().await;
    let erase = ["erase", "newsletter", "--email", "ada@example.com", "--idempotency-key", "k-1"];
    let taken = running.run(&erase).await;
    let (first, next) = taken.out.split_once('\n').unwrap();
    let id = first.strip_prefix("request ").unwrap().split(':').next().unwrap();
    assert_eq!((taken.exit, first), (Exit::Unproven, format!("request {id}: waiting: accepted").as_str()));
    assert_eq!(next, format!("next: see it with `connector-host request show {id}`\n"));
    let again = running.run(&[&erase[..], &["--json"]].concat()).await.json();
    assert_eq!((&again["id"], &again["was_sent_before"]), (&json!(id), &json!(true)));

    let shown = async || state(&running, id).await;
    eventually("the erasure waits to be confirmed", shown, |shown| shown["step"] == "confirm").await;
    let shown = running.run(&["request", "show", id]).await;
    assert_eq!(shown.exit, Exit::Done, "{shown:?}");
    for line in ["connection newsletter", "action erasure", "state waiting", "receipt accepted"] {
        shown.assert_line(line);
    }
    let confirmed = running.run(&["confirm", "newsletter", "--request", id]).await;
    assert_eq!((confirmed.exit, &confirmed.out), (Exit::Unproven, &shown.out));
    let other = running.run(&["confirm", "shop", "--request", id]).await;
    assert_eq!(other.err, format!("error: request {id} does not belong to connection shop\n"));

    let listed = running.run(&["request", "list", "--connection", "newsletter", "--state", "waiting"]).await;
    assert!(listed.out.contains(id) && listed.out.contains("1 request matches"), "{}", listed.out);
    let none = running.run(&["request", "list", "--state", "failed", "--json"]).await.json();
    assert_eq!(none, json!({"requests": [], "count": 0, "count_is_exact": true}));
    assert_eq!(
        running.stand_in.requests().iter().filter(|sent| sent.line() == "POST /api/users/forget").count(),
        1
    );
    running.assert_discreet();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_waited_for_and_the_program_ends_as_it_did() {
    let running = Running::connected().await;
    running.stand_in.fault(no(), "POST /api/users/forget", 1);
    let told = running.run(&["erase", "newsletter", "--email", "ada@example.com", "--wait"]).await;
    assert_eq!(told.exit, Exit::Refused, "{told:?}");
    told.assert_line("state failed");
    assert!(told.out.contains("\nreason  "), "{}", told.out);
    let listed = running.run(&["request", "list", "--json"]).await.json();
    let id = listed["requests"][0]["id"].as_str().unwrap();
    let status = running.run(&["request", "status", id]).await;
    assert_eq!(status.exit, Exit::Refused);
    assert!(status.err.contains("was not carried out"), "{status:?}");
    let replayed = running.run(&["request", "replay", id]).await;
    assert_eq!(replayed.out, format!("request {id}: waiting: it will be carried out again\n"));
    let shown = async || state(&running, id).await;
    eventually("the erasure waits to be confirmed", shown, |shown| shown["step"] == "confirm").await;
    let status = running.run(&["request", "status", id, "--skipped", "complete"]).await;
    assert_eq!(status.exit, Exit::Unproven);
    assert!(status.out.contains(": not complete yet: waiting: "), "{status:?}");
    let again = running.run(&["request", "replay", id]).await;
    assert_eq!(again.exit, Exit::Misused);
    assert!(again.err.starts_with("error: The request cannot be replayed: "), "{}", again.err);
    running.assert_discreet();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_has_a_limit_and_a_repeat_puts_a_failed_request_back_in_the_queue() {
    let running = Running::connected().await;
    running.stand_in.fault(no(), "POST /api/users/forget", 1);
    let erase = ["erase", "newsletter", "--email", "ada@example.com", "--idempotency-key", "k-1"];
    let failed = running.run(&[&erase[..], &["--wait"]].concat()).await;
    assert_eq!(failed.exit, Exit::Refused, "{failed:?}");
    let same = running.run(&[&erase[..], &["--wait"]].concat()).await;
    assert_eq!((same.exit, &same.out), (Exit::Refused, &failed.out));
    let replayed = running.run(&[&erase[..], &["--replay-failed", "--wait=1"]].concat()).await;
    assert_eq!(replayed.exit, Exit::Unproven, "{replayed:?}");
    replayed.assert_line("state waiting");
    let callback = ["--callback", "https://privacy.example.com/ends"];
    let refused = running.run(&[&erase[..4], &callback].concat()).await;
    assert_eq!(refused.exit, Exit::Misused);
    assert!(refused.err.contains("create one with --callback-host privacy.example.com"), "{refused:?}");
    let alone = running.run(&["erase", "newsletter", "--email", "a@example.com", "--replay-failed"]).await;
    assert_eq!(alone.exit, Exit::Misused);
    assert!(alone.err.contains("--idempotency-key <KEY>"), "{alone:?}");
    running.assert_discreet();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_wait_shows_once_what_holds_the_request_back() {
    let running = Running::connected().await;
    let refused = Fault::Answer(401, json!({"code": "BadApiKey", "msg": "no"}));
    running.stand_in.fault(refused, "*", 1);
    let consent =
        ["consent", "newsletter", "--email", "ada@example.com", "--opt-out", "channel:6539", "--wait"];
    let err = Kept::default();
    let operator = async {
        let held_back = |text: &String| text.contains("held back by its connection is parked");
        eventually("the reason is shown", async || err.text(), held_back).await;
        running.run(&["connection", "resume", "newsletter"]).await;
        std::future::pending::<()>().await;
    };
    let told = tokio::select! {
        told = running.watched(&consent, &err) => told,
        () = operator => unreachable!("it resumes once"),
    };
    assert_eq!(told.exit, Exit::Done, "{told:?}");
    told.assert_line("state done");
    let held: Vec<_> = told.err.lines().filter(|line| line.contains("held back by")).collect();
    assert_eq!(held.len(), 1, "{}", told.err);
    assert!(held[0].starts_with("request ") && held[0].contains(": waiting; held back by "), "{}", told.err);
    running.assert_discreet();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_reports_each_item_and_the_items_are_a_tree() {
    let running = Running::connected().await;
    let items = running.run(&["items", "newsletter"]).await;
    assert_eq!(items.exit, Exit::Done, "{items:?}");
    assert!(items.out.contains("\n└─ ") && items.out.contains("  channel:6539"), "{}", items.out);
    let consent =
        ["consent", "newsletter", "--email", "ada@example.com", "--opt-out", "channel:6539", "--wait"];
    let told = running.run(&consent).await;
    assert_eq!(told.exit, Exit::Done, "{told:?}");
    assert!(told.out.contains("channel:6539") && told.out.contains("executed"), "{}", told.out);
    assert_eq!(running.stand_in.subscriptions("ada@example.com").unwrap().unsubscribed_channels, [6539]);
    running.assert_discreet();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_is_listed_until_it_is_cleared() {
    let running = Running::connected().await;
    running
        .parts
        .store
        .write(|tx| {
            Box::pin(async move {
                let alarm = host_store::alarms::Alarm {
                    tenant: "acme",
                    connection: Some("newsletter"),
                    kind: "request-late",
                    about: "r-1",
                    detail: "late",
                };
                host_store::alarms::raise(tx, 1_700_000_000_000, &alarm).await
            })
        })
        .await
        .unwrap();
    let listed = running.run(&["alarm", "list", "--json"]).await.json();
    let id = listed["alarms"][0]["id"].as_str().unwrap();
    let told = running.run(&["alarm", "list"]).await.out;
    assert!(told.contains(id) && told.contains("2023-11-14 22:13") && told.contains("late"), "{told}");
    let told = running.run(&["alarm", "clear", id, "--note", "sent again"]).await;
    assert_eq!(told.out, format!("alarm {id} is cleared: late\n"));
    assert_eq!(running.run(&["alarm", "list", "--json"]).await.json(), json!({"alarms": []}));
    let told = running.run(&["alarm", "clear", id]).await;
    assert_eq!(
        (told.exit, told.err),
        (Exit::Misused, format!("error: Not found: there is no open alarm {id}\n"))
    );
}
