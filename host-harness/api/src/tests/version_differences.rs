//! What any stored version may do, and how two versions differ.

use serde_json::{Value, json};

use crate::testing::{ApiBench, tagged_guest};

fn part<'a>(difference: &'a Value, area: &str, name: &str) -> &'a Value {
    let parts = difference["parts"].as_array().unwrap();
    let found = parts.iter().find(|part| part["area"] == area && part["name"] == name);
    found.unwrap_or_else(|| panic!("no {area} {name} in {difference}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn two_versions_differ_by_what_the_second_requests_and_by_each_part_in_both_directions() {
    let (bench, key) = ApiBench::with_guest("build_one", "").await;
    let running = bench.get(&key, "/api/v1/plugins/guest").await.json;
    let uploaded = bench.post_component(&key, "guest/versions", &tagged_guest("build_greedy", 1)).await;
    assert_eq!(uploaded.status, 201, "{uploaded:?}");
    let (from, to) = (running["digest"].as_str().unwrap(), uploaded.json["digest"].as_str().unwrap());
    let versions = "/api/v1/plugins/guest/versions";

    let forth = bench.get(&key, &format!("{versions}/{to}/difference")).await;
    assert_eq!((forth.status, &forth.json["from"], &forth.json["to"]), (200, &json!(from), &json!(to)));
    assert!(!forth.json["requests"].as_array().unwrap().is_empty(), "{forth:?}");
    let permissions = bench.get(&key, &format!("{versions}/{to}/permissions")).await;
    assert_eq!(
        (permissions.status, &permissions.json["digest"]),
        (200, &json!(to)),
        "not approved, but shown"
    );
    let before = running["manifest"]["operations"].as_array().unwrap();
    let is_new = |of: &&Value| before.iter().all(|known| known["name"] != of["name"]);
    let operations = permissions.json["manifest"]["operations"].as_array().unwrap();
    let new = operations.iter().find(is_new).unwrap_or_else(|| panic!("{permissions:?}"));
    let name = new["name"].as_str().unwrap();
    let added = part(&forth.json, "operation", name);
    assert_eq!(added["presence"], "added");
    let request = format!("{} {}", new["method"].as_str().unwrap(), new["path"].as_str().unwrap());
    let aspects = added["aspects"].as_array().unwrap();
    assert!(aspects.contains(&json!({"aspect": "request", "before": null, "after": request})), "{added}");

    let back = bench.get(&key, &format!("{versions}/{from}/difference?from={to}")).await;
    assert_eq!(part(&back.json, "operation", name)["presence"], "removed");
    assert_eq!(back.json["parts"].as_array().unwrap().len(), forth.json["parts"].as_array().unwrap().len());
    let none = bench.get(&key, &format!("{versions}/{from}/difference")).await;
    assert_eq!((&none.json["requests"], &none.json["parts"]), (&json!([]), &json!([])));

    let unknown = format!("sha256:{}", "0".repeat(64));
    for path in [
        format!("{versions}/{unknown}/difference"),
        format!("{versions}/{to}/difference?from={unknown}"),
        format!("{versions}/{to}/difference?from=7"),
        format!("{versions}/{unknown}/permissions"),
    ] {
        assert_eq!(bench.get(&key, &path).await.problem(), (404, "unknown"), "{path}");
    }
    let narrow = bench.key("narrow", Some(&["acme"])).await;
    let refused = bench.get(&narrow, &format!("{versions}/{to}/difference")).await;
    assert_eq!(refused.problem(), (403, "not-all-tenants"));
}
