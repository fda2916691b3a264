//! Plugins that are published with conditions of their own for loading.

use serde_json::json;

use crate::testing::{ApiBench, guest};

/// The guest with a custom section of 2 MiB, which is quick to compile.
fn large(name: &str) -> Vec<u8> {
    let mut bytes = guest(name);
    bytes.extend([0, 0x82, 0x80, 0x80, 1, 1, b'p']);
    bytes.resize(bytes.len() + (2 << 20), 0);
    bytes
}

async fn version(bench: &ApiBench, key: &str, name: &str) -> Option<String> {
    let plugins = bench.get(key, "/api/v1/plugins").await;
    let plugins = plugins.json["plugins"].as_array().unwrap().clone();
    let plugin = plugins.iter().find(|plugin| plugin["name"] == name)?;
    Some(plugin["version"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_plugin_brings_its_limits_which_a_restart_and_a_roll_back_keep() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    let (one, two) = (large("build_one"), guest("build_two"));
    let refused = bench.post_component(&key, "fresh?agree=true", &one).await;
    assert_eq!(refused.problem(), (422, "no-component"));
    let size = one.len();
    assert_eq!(
        refused.detail(),
        format!(
            "the component has {size} bytes, more than the 2097152 that the plugin's max-bytes allows\n\
             if it is not in the configuration file, publish it again with max_bytes={size} to allow this"
        )
    );
    let path = format!("fresh?agree=true&max_bytes={size}&describe_ms=20000&wasi_trapped=true");
    let published = bench.post_component(&key, &path, &one).await;
    assert_eq!(published.status, 200, "{published:?}");
    let conditions = json!({"max_bytes": size, "describe_ms": 20_000, "wasi_trapped": true});
    assert_eq!(published.json["conditions"], conditions);
    let bench = bench.restarted().await;
    assert_eq!(version(&bench, &key, "fresh").await.as_deref(), Some("one"));
    // A version with a lower limit of its own; the one before it keeps the higher one.
    let smaller = bench.post_component(&key, "fresh?agree=true&max_bytes=1000000", &two).await;
    assert_eq!(
        smaller.json["conditions"],
        json!({"max_bytes": 1_000_000, "describe_ms": 20_000, "wasi_trapped": true})
    );
    let back = bench.send(&key, "POST", "/api/v1/plugins/fresh/roll-back", None).await;
    assert_eq!((back.status, &back.json["conditions"]), (200, &conditions), "{back:?}");
    let bench = bench.restarted().await;
    assert_eq!(version(&bench, &key, "fresh").await.as_deref(), Some("one"));
    let records = bench.audit("*").await;
    let stored = records.iter().find(|record| record["what"] == "plugin-published").unwrap();
    assert_eq!(
        stored["detail"]["conditions"],
        json!({"max-bytes": size, "describe-ms": 20_000, "wasi": "trapped"})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_running_version_published_again_with_other_limits_keeps_these() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    let one = guest("build_one");
    assert_eq!(bench.post_component(&key, "fresh?agree=true", &one).await.status, 200);
    let again = bench.post_component(&key, "fresh?max_bytes=3000000", &one).await;
    assert_eq!((again.status, &again.json["conditions"]["max_bytes"]), (200, &json!(3_000_000)));
    let bench = bench.restarted().await;
    let larger = bench.post_component(&key, "fresh?agree=true", &large("build_two")).await;
    assert_eq!(larger.json["conditions"]["max_bytes"], 3_000_000, "{larger:?}");
    assert_eq!(version(&bench, &key, "fresh").await.as_deref(), Some("two"));
}

/// An API key must not be able to make the host compile anything for any time.
#[tokio::test(flavor = "multi_thread")]
async fn limits_beyond_those_of_the_operator_are_refused() {
    let file = xtask::components::current("guests/build_one").unwrap();
    let more = format!("plugins.guest.file = '{}'", file.display());
    let bench = ApiBench::with(&more).await;
    let key = bench.operator().await;
    let one = guest("build_one");
    for (query, problem, detail) in [
        (
            "fresh?agree=true&max_bytes=33554433",
            (400, "bad-query"),
            "max-bytes is 33554433, more than the 33554432 that the service allows a published component: raise \
             max-published-bytes in [service] and restart it, or add the plugin to the configuration file",
        ),
        (
            "fresh?agree=true&describe_ms=60001",
            (400, "bad-query"),
            "describe-ms is 60001, more than the 60000 that a published component may take",
        ),
        (
            "guest?max_bytes=3000000",
            (409, "not-replaced"),
            "plugin guest is in the configuration file, which sets its max-bytes, describe-ms and wasi: change them \
             there and restart",
        ),
    ] {
        let refused = bench.post_component(&key, query, &one).await;
        assert_eq!((refused.problem(), refused.detail()), (problem, detail), "{query}");
    }
    for query in ["fresh?max_bytes=0", "fresh?describe_ms=-1", "fresh?max-bytes=7"] {
        assert_eq!(bench.post_component(&key, query, &one).await.problem(), (400, "bad-query"), "{query}");
    }
    assert_eq!(version(&bench, &key, "fresh").await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn stored_limits_that_were_changed_from_outside_raise_an_alarm_and_can_be_replaced() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    let one = guest("build_one");
    assert_eq!(bench.post_component(&key, "fresh?agree=true&max_bytes=3000000", &one).await.status, 200);
    bench.sql("UPDATE publications SET conditions = 'x'").await;
    let bench = bench.restarted().await;
    assert_eq!(version(&bench, &key, "fresh").await, None);
    let alarms = bench.get(&key, "/api/v1/alarms").await;
    let detail = alarms.json["alarms"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("the publication of plugin fresh was changed or inserted"), "{detail}");
    assert_eq!(bench.post_component(&key, "fresh?agree=true", &one).await.status, 200);
    assert_eq!(version(&bench, &key, "fresh").await.as_deref(), Some("one"));
}
