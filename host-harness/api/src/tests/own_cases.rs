//! The operator's own conformance cases, which each published version has to pass.

use serde_json::{Value, json};

use crate::testing::{Answer, ApiBench, tagged_guest};

/// A case of an erasure with one request.
const CASE: &str = r#"
about = "A person is forgotten"

[call]
function = "erase"
person = ["email:ada@example.com"]

[[request]]
operation = "forget"
values = { email = "ada@example.com" }
answer = { status = 200 }

[outcome]
status = "erased"
"#;

/// A service with the plugin `eraser`, whose cases are in the folder `cases`.
async fn bench() -> (ApiBench, String) {
    let file = xtask::components::current("guests/erases_at_once").unwrap();
    let more = format!("plugins.eraser.file = '{}'\nservice.proof-cases = 'cases'", file.display());
    let bench = ApiBench::with(&more).await;
    let key = bench.operator().await;
    (bench, key)
}

fn write_case(bench: &ApiBench, plugin: &str, name: &str, text: &str) {
    let folder = bench.file("cases").join(plugin).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("case.toml"), text).unwrap();
}

async fn publish(bench: &ApiBench, key: &str, guest: &str, tag: u8) -> Answer {
    bench.post_component(key, "eraser", &tagged_guest(guest, tag)).await
}

async fn last_step(bench: &ApiBench, key: &str) -> Value {
    let history = bench.get(key, "/api/v1/plugins/eraser/versions").await.json;
    let newest = history["versions"].as_array().unwrap().last().unwrap().clone();
    newest["steps"].as_array().unwrap().last().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operators_cases_are_run_at_each_publication_and_shown_apart() {
    let (bench, key) = bench().await;
    write_case(&bench, "eraser", "forgets", CASE);
    let published = publish(&bench, &key, "erases_at_once", 1).await;
    assert_eq!(published.status, 200, "{published:?}");
    let parts = published.json["steps"][2]["evidence"]["proof"]["parts"].as_array().unwrap().clone();
    let own: Vec<_> = parts.iter().filter(|part| part["source"] == "operator").collect();
    assert_eq!(own.len(), 1, "{parts:?}");
    assert_eq!((&own[0]["name"], &own[0]["result"]), (&json!("forgets"), &json!("passed")));
    let running = bench.get(&key, "/api/v1/plugins").await.json;
    // It looks the person up first.
    let refused = publish(&bench, &key, "erases_after_look", 1).await;
    assert_eq!(refused.problem(), (422, "not-proven"), "{refused:?}");
    assert!(refused.detail().contains("expected `forget`, found `look`"), "{refused:?}");
    assert_eq!(bench.get(&key, "/api/v1/plugins").await.json, running);
    // Cases are read at each publication, and those of other plugins do not count.
    std::fs::remove_dir_all(bench.file("cases").join("eraser")).unwrap();
    write_case(&bench, "other", "broken", "about = 1");
    assert_eq!(publish(&bench, &key, "erases_after_look", 1).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn cases_that_cannot_be_read_refuse_the_publication_and_say_which() {
    let (bench, key) = bench().await;
    let running = bench.get(&key, "/api/v1/plugins").await.json;
    let no_folder = publish(&bench, &key, "erases_at_once", 1).await;
    write_case(&bench, "eraser", "forgets", &CASE.replace("[outcome]", "[outcom]"));
    let broken = publish(&bench, &key, "erases_at_once", 1).await;
    std::fs::remove_dir_all(bench.file("cases").join("eraser").join("forgets")).unwrap();
    let empty = publish(&bench, &key, "erases_at_once", 1).await;
    for (refused, why) in [(no_folder, "cannot read"), (broken, "outcom"), (empty, "contains no cases")] {
        assert_eq!(refused.problem(), (422, "bad-cases"), "{refused:?}");
        assert!(refused.detail().contains(why), "{refused:?}");
    }
    let step = last_step(&bench, &key).await;
    assert_eq!((&step["state"], &step["reason"]), (&json!("refused"), &json!("bad-cases")));
    assert_eq!(bench.get(&key, "/api/v1/plugins").await.json, running);
}
