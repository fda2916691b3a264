//! Changes of what identifies people, which an operator must approve.

use serde_json::{Value, json};

use super::file::CONNECTION;
use crate::testing::ApiBench;
use host_store::people;

const PATH: &str = "/api/v1/connection/newsletter";

async fn erase(bench: &ApiBench, key: &str, identity: &Value) -> crate::testing::Answer {
    let body = json!({"action": "erasure", "identity": identity});
    bench.send(key, "POST", &format!("{PATH}/requests"), Some(body)).await
}

fn to(project_type: &str, bench: &ApiBench) -> Value {
    json!({"settings": {"domain": bench.stand_in.address().to_string(), "project-type": project_type}})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_what_identifies_people_waits_for_approval_and_is_on_record() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    bench.connect(&key, "acme", "newsletter").await;
    // The connection has no people yet, so none are rekeyed.
    let changed = bench.send(&key, "PATCH", PATH, Some(to("user-id", &bench))).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    let by_email = json!({"email": "ada@example.com"});
    let refused = erase(&bench, &key, &by_email).await;
    assert_eq!(
        (refused.problem(), &refused.json["accepted"]),
        ((422, "no-usable-kind"), &json!(["user-id"]))
    );
    bench.send(&key, "PATCH", PATH, Some(to("email", &bench))).await;
    assert_eq!(erase(&bench, &key, &by_email).await.status, 202);

    let refused = bench.send(&key, "PATCH", PATH, Some(to("hybrid", &bench))).await;
    assert_eq!(refused.problem(), (409, "rekeys-people"));
    let said = ["before", "after", "people"].map(|field| &refused.json[field]);
    assert_eq!(said, [&json!("email"), &json!("email user-id"), &json!(1)]);
    assert!(refused.detail().contains("agree=true"), "{refused:?}");
    let shown = bench.get(&key, PATH).await;
    assert_eq!(shown.json["settings"]["project-type"], "email", "nothing was changed");
    let agreed = bench.send(&key, "PATCH", &format!("{PATH}?agree=true"), Some(to("hybrid", &bench))).await;
    assert_eq!(agreed.status, 200, "{agreed:?}");
    assert_eq!(erase(&bench, &key, &json!({"external_id": "u-1"})).await.status, 202);
    let rekeyed = bench.audit("acme").await.into_iter().rfind(|record| record["what"] == "people-rekeyed");
    let detail = rekeyed.unwrap()["detail"].clone();
    assert_eq!((&detail["before"], &detail["after"]), (&json!("email"), &json!("email user-id")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changes_what_identifies_people_is_not_applied_before_it_is_approved() {
    let bench = ApiBench::with(CONNECTION).await;
    let key = bench.operator().await;
    assert_eq!(erase(&bench, &key, &json!({"email": "ada@example.com"})).await.status, 202);
    let hybrid = CONNECTION.replace("domain = 'HOST'", "domain = 'HOST', project-type = 'hybrid'");
    bench.configure(&hybrid).await;
    let reloaded = bench.send(&key, "POST", "/api/v1/reload", None).await;
    let problem = reloaded.json["problems"]["newsletter"].as_str().unwrap_or_default();
    assert!(problem.contains("from `email` to `email user-id`"), "{reloaded:?}");
    let bench = bench.restarted().await;
    let kept = bench.get(&key, PATH).await;
    assert_eq!(kept.json["settings"].get("project-type"), None, "nor is it changed at a start");
    assert_eq!(kept.json["problem"], json!(null), "it is served as it was");
    let agreed = bench.send(&key, "POST", "/api/v1/reload?agree=true", None).await;
    assert_eq!(agreed.json["changed"], json!(["newsletter"]), "{agreed:?}");
    assert_eq!(erase(&bench, &key, &json!({"external_id": "u-1"})).await.status, 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_who_shared_a_record_are_listed_to_those_who_reach_their_tenant() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    bench.connect(&key, "acme", "newsletter").await;
    bench
        .write(|tx| {
            Box::pin(async move {
                for _ in 0..2 {
                    people::split_from(tx, "newsletter", 71, 9).await?;
                }
                Ok(())
            })
        })
        .await;
    let listed = bench.get(&key, "/api/v1/people/merged").await;
    assert_eq!(listed.json["connections"][0]["connection"], "newsletter", "{listed:?}");
    let counts = ["records", "people", "requests"].map(|field| &listed.json["connections"][0][field]);
    assert_eq!(counts, [&json!(1), &json!(2), &json!(0)]);
    let other = bench.reading_key("other", Some(&["other"])).await;
    assert_eq!(bench.get(&other, "/api/v1/people/merged").await.json, json!({"connections": []}));
}
