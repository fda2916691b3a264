//! Data that version 0.1.0 stored, sent and exported, served by this version: `tests/fixtures/store-0.1.0`.

use std::path::Path;

use serde_json::{Value, json};

use crate::testing::ApiBench;

/// The API on a copy of the fixture's database.
struct Upgraded {
    bench: ApiBench,
    facts: Value,
}

impl Upgraded {
    async fn open() -> Self {
        let original = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/store-0.1.0");
        let facts = std::fs::read_to_string(original.join("facts.json")).unwrap();
        let bench = ApiBench::at_copy_of(&original, &["host.db", "master.key", "connector-host.toml"]).await;
        Self { bench, facts: serde_json::from_str(&facts).unwrap() }
    }

    fn key(&self) -> &str {
        self.facts["api_keys"]["platform"]["key"].as_str().unwrap()
    }

    /// The request `name` of the fixture.
    fn request(&self, name: &str) -> &Value {
        &self.facts["requests"][name]
    }

    /// Sends `body` under the idempotency key of the request `name`.
    async fn repeat(&self, name: &str, body: &Value) -> Value {
        let request = self.request(name);
        let (connection, idempotency_key) =
            (request["connection"].as_str().unwrap(), request["idempotency_key"].as_str().unwrap());
        let resource = if request["action"] == "consent" { "consent" } else { "requests" };
        let headers = format!(
            "authorization: Bearer {}\r\ncontent-type: application/json\r\nidempotency-key: {idempotency_key}\r\n",
            self.key()
        );
        let path = format!("/api/v1/connection/{connection}/{resource}");
        let answer = self.bench.raw("POST", &path, &headers, body.to_string().as_bytes()).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.json
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_was_sent_to_version_0_1_0_is_the_same_request_in_either_spelling() {
    let upgraded = Upgraded::open().await;
    let mut repeated = 0;
    for name in ["bob-into-marketing", "dan-erased", "frank-failed", "bob-open"] {
        let request = upgraded.request(name);
        let as_sent = request["body"].clone();
        let in_snake_case =
            as_sent.to_string().replace("chosen-at-ms", "chosen_at_ms").replace("opt-in", "opt_in");
        for body in [as_sent, serde_json::from_str(&in_snake_case).unwrap()] {
            let accepted = upgraded.repeat(name, &body).await;
            assert_eq!(
                (&accepted["id"], &accepted["was_sent_before"]),
                (&request["id"], &json!(true)),
                "{name}"
            );
            repeated += 1;
        }
    }
    assert_eq!(repeated, 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn outcomes_that_version_0_1_0_stored_are_shown_in_snake_case() {
    let upgraded = Upgraded::open().await;
    let outcome = async |name: &str| {
        let id = upgraded.request(name)["id"].as_str().unwrap();
        upgraded.bench.get(upgraded.key(), &format!("/api/v1/requests/{id}")).await.json["outcome"].clone()
    };
    assert_eq!(
        outcome("nina-not-found").await,
        json!({"receipt": {
            "status": "not_found", "reference": null, "confirm_after_ms": null, "observed": null,
            "evidence": "email: Iterable did not know the person when asked, and again shows nothing",
        }})
    );
    assert_eq!(outcome("olga-confirming").await["receipt"]["confirm_after_ms"], 600_000);
    assert_eq!(outcome("bob-into-marketing").await, upgraded.request("bob-into-marketing")["outcome"]);
    assert_eq!(outcome("frank-failed").await, Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_component_that_version_0_1_0_published_is_the_first_entry_of_its_history() {
    let upgraded = Upgraded::open().await;
    let key = upgraded.bench.operator().await;
    let history = upgraded.bench.get(&key, "/api/v1/plugins/iterable/versions").await;
    let versions = history.json["versions"].as_array().unwrap();
    assert_eq!(versions.len(), 1, "{history:?}");
    let first = &versions[0];
    assert_eq!(
        (&first["digest"], &first["source"]),
        (&upgraded.facts["plugin"]["digest"], &json!("earlier"))
    );
    assert_eq!((&first["state"], &first["is_stored"]), (&json!("serving"), &json!(true)));
    assert_eq!(first["steps"][0]["by"], "the host");
}
