use iterable_stand_in::Fault;
use serde_json::json;
use test_support::eventually;

use super::{Exit, Running};

#[tokio::test(flavor = "multi_thread")]
async fn failed_requests_are_counted_then_replayed_as_one_act() {
    let running = Running::connected().await;
    let no = || Fault::Answer(400, json!({"code": "BadParams", "msg": "no"}));
    running.stand_in.fault(no(), "POST /api/users/forget", 2);
    for person in ["ada@example.com", "bob@example.com"] {
        running.run(&["erase", "newsletter", "--email", person, "--wait"]).await;
    }
    let replay = ["request", "replay", "--all", "--state", "failed", "--connection", "newsletter"];
    let counted = running.run(&replay).await;
    assert_eq!(counted.exit, Exit::Unproven);
    assert_eq!(
        counted.out,
        "2 requests match; nothing was done\nnext: repeat the command with --expect 2 to replay them\n"
    );
    let changed = running.run(&[&replay[..], &["--expect", "3"]].concat()).await;
    assert_eq!(changed.exit, Exit::Misused, "{changed:?}");
    assert!(changed.err.contains("2 requests match, not 3"), "{changed:?}");
    let made = running.run(&[&replay[..], &["--expect", "2", "--json"]].concat()).await.json();
    let id = made["id"].as_str().unwrap();
    let shown = async || running.run(&["bulk-act", "show", id]).await;
    let shown = eventually("it is done", shown, |shown| shown.exit == Exit::Done).await;
    for line in ["state done", "requests 2", "done 2", "refused 0"] {
        shown.assert_line(line);
    }
    let listed = running.run(&["bulk-act", "list", "--json"]).await.json();
    assert_eq!(listed["acts"][0]["id"], id);
    let late = running.run(&["bulk-act", "withdraw", id]).await;
    assert!(late.err.contains("only a pending one"), "{late:?}");
    let mixed = running.run(&["request", "replay", id, "--state", "failed"]).await;
    assert_eq!(mixed.exit, Exit::Misused);
    running.assert_discreet();
}
