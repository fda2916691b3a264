//! Connections created, changed, tested, parked and deleted.

use iterable_stand_in::Fault;
use serde_json::json;
use test_support::eventually;

use crate::testing::ApiBench;

const PATH: &str = "/api/v1/connection/newsletter";

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_cannot_be_used_is_reported_with_the_field_that_has_it() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    let expected = "expected lower-case words and digits with single dashes between them, such as `acme-eu`";
    for (field, value, message) in [
        ("tenant", "Acme", format!("`Acme` cannot be the name of a tenant: {expected}")),
        ("key", "News Letter", expected.to_owned()),
        ("plugin", "iterabel", "there is no plugin `iterabel`: did you mean `iterable`?".to_owned()),
    ] {
        let mut new = json!({"key": "newsletter", "tenant": "acme", "plugin": "iterable"});
        new[field] = value.into();
        let refused = bench.send(&key, "POST", "/api/v1/connection", Some(new)).await;
        assert_eq!(refused.problem(), (422, "unsuited"));
        assert_eq!(refused.json["errors"], json!([{"field": field, "message": message}]));
    }
    for path in ["/api/v1/tenants/Acme/notices", "/api/v1/tenants/Acme/systems"] {
        let unknown = bench.get(&key, path).await;
        assert_eq!(unknown.problem(), (404, "unknown"));
        assert!(unknown.detail().starts_with("there is no tenant `Acme`: expected "), "{}", unknown.detail());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_made_shown_without_its_secrets_and_called() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    let made =
        bench.send(&key, "POST", "/api/v1/connection", Some(bench.connection("acme", "newsletter"))).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.json["secrets"], json!({"api-key": "**********"}));
    assert_eq!(
        made.json["webhook_url"],
        "https://hooks.example.com/api/v1/plus/connection/newsletter/consent-webhook"
    );
    assert_eq!(
        (&made.json["enabled"], &made.json["actions"]),
        (&json!(true), &json!(["erasure", "consent"]))
    );
    assert_eq!((&made.json["file"], &made.json["problem"]), (&json!(null), &json!(null)));
    let shown = bench.get(&key, PATH).await;
    assert_eq!(shown.json, made.json);
    let listed = bench.get(&key, "/api/v1/connection").await;
    assert_eq!(listed.json, json!({"connections": [made.json]}));
    for answer in [&made, &shown, &listed] {
        assert!(!answer.text.contains(bench.stand_in.api_key()), "{answer:?}");
    }
    let tested = bench.get(&key, &format!("{PATH}/test")).await;
    assert_eq!(tested.json["test_status"], "succeeded", "{tested:?}");
    assert_eq!(tested.json["failure_reason"], json!(null));
    assert!(tested.json["checks"].as_array().unwrap().iter().any(|check| check["outcome"] == "passed"));
    assert_eq!(bench.get(&key, PATH).await.json["test_passed"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn unsuitable_values_are_reported_by_field_and_nothing_is_created() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    let mut body = bench.connection("acme", "newsletter");
    body["settings"]["webhookid"] = json!("7");
    body["settings"]["project-type"] = json!("phone");
    body["secrets"] = json!({});
    let refused = bench.send(&key, "POST", "/api/v1/connection", Some(body)).await;
    assert_eq!(refused.problem(), (422, "unsuited"));
    let errors = refused.json["errors"].as_array().unwrap();
    let mut fields: Vec<_> = errors.iter().map(|error| error["field"].as_str().unwrap()).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["secrets.api-key", "settings.project-type", "settings.webhookid"]);
    assert!(refused.text.contains("did you mean `webhook-id`?"), "{refused:?}");

    let mut greedy = bench.connection("acme", "newsletter");
    greedy["limits"] = json!({"memory_bytes": 1_u64 << 40});
    let refused = bench.send(&key, "POST", "/api/v1/connection", Some(greedy)).await;
    assert_eq!(refused.problem(), (422, "unsuited"));
    assert_eq!(refused.json["errors"][0]["field"], "limits.memory_bytes");

    for (member, value, field) in [
        ("egress", json!({"plain_http": true}), "egress.plain_http"),
        ("egress", json!({"authorities": ["no PEM"]}), "egress.authorities"),
        ("webhook_url", json!("hooks.example.com"), "webhook_url"),
    ] {
        let mut body = bench.connection("acme", "newsletter");
        body[member] = value;
        let refused = bench.send(&key, "POST", "/api/v1/connection", Some(body)).await;
        assert_eq!(refused.problem(), (422, "unsuited"), "{field}");
        assert_eq!(refused.json["errors"][0]["field"], field);
    }

    let misnamed =
        bench.send(&key, "POST", "/api/v1/connection", Some(bench.connection("acme", "News Letter"))).await;
    assert_eq!(misnamed.problem(), (422, "unsuited"));
    assert_eq!(bench.get(&key, PATH).await.problem(), (404, "unknown"));
    assert!(bench.parts.served.host().connection_keys().is_empty());
    bench.connect(&key, "acme", "newsletter").await;
    let again =
        bench.send(&key, "POST", "/api/v1/connection", Some(bench.connection("acme", "newsletter"))).await;
    assert_eq!(again.problem(), (409, "key-taken"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_body_is_refused_with_the_place_and_without_secrets() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    let headers = format!("authorization: Bearer {key}\r\ncontent-type: application/json\r\n");
    for (body, told) in [
        ("{\"key\": \"a\",\n \"tenant\": 17}", "tenant: invalid type"),
        ("{\"key\": \"a\",\n \"tenant\"", "line 2"),
        ("{\"key\": \"a\", \"colour\": 1}", "unknown field `colour`"),
        ("{\"secrets\": {\"api-key\": 12345678}}", "secrets.api-key: a secret must be a non-empty string"),
    ] {
        let refused = bench.raw("POST", "/api/v1/connection", &headers, body.as_bytes()).await;
        assert_eq!(refused.problem(), (400, "bad-body"), "{body}");
        assert!(refused.detail().contains(told) && !refused.text.contains("12345678"), "{refused:?}");
    }
    let text = format!("authorization: Bearer {key}\r\ncontent-type: text/plain\r\n");
    assert_eq!(bench.raw("POST", "/api/v1/connection", &text, b"{}").await.problem(), (415, "media-type"));
    let large = vec![b' '; crate::body::MAX_BODY + 1];
    let refused = bench.raw("POST", "/api/v1/connection", &headers, &large).await;
    assert_eq!(refused.problem(), (413, "too-large"));
    let query = bench.send(&key, "DELETE", "/api/v1/connection/x?abandon=maybe", None).await;
    assert_eq!(query.problem(), (400, "bad-query"));
    assert_eq!(query.detail(), "abandon: provided string was not `true` or `false`");
    let path = bench.send(&key, "DELETE", "/api/v1/plus/connection/x/consent-webhook/tokens/k3y", None).await;
    assert_eq!((path.problem(), path.detail()), ((400, "bad-path"), "expected a whole number"));
    assert_eq!(bench.get(&key, "/api/v1/nothing").await.problem(), (404, "unknown"));
    let method = bench.send(&key, "PUT", "/api/v1/connection", None).await;
    assert_eq!(method.problem(), (405, "method-not-allowed"));
    assert!(method.headers.contains("allow: "), "{method:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_keeps_what_it_leaves_out_outlives_a_restart_and_is_on_record_without_values() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    bench.connect(&key, "acme", "newsletter").await;
    let refused = bench.send(&key, "PATCH", PATH, Some(json!({"settings": {"project-type": "phone"}}))).await;
    assert_eq!(refused.problem(), (422, "unsuited"));
    let refused = bench.send(&key, "PATCH", PATH, Some(json!({"egress": {"hosts": ["a", 17]}}))).await;
    assert_eq!(refused.problem(), (400, "bad-body"));
    assert_eq!(refused.detail(), "egress.hosts[1]: invalid type: integer, expected a string");
    assert_eq!(refused.json["errors"][0]["field"], "egress.hosts[1]");
    let patch = json!({"enabled": false, "actions": ["erasure"], "system": "crm", "secrets": {"api-key": "k-9876543210"},
        "limits": {"cpu_ms": 500}, "egress": {"response_cap": 500_000, "denied_operations": ["list-channels"], "deadlines": {"total_ms": 9_000}}});
    let changed = bench.send(&key, "PATCH", PATH, Some(patch)).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    let bench = bench.restarted().await;
    let shown = bench.get(&key, PATH).await;
    assert_eq!(shown.json, changed.json);
    assert_eq!((&shown.json["enabled"], &shown.json["actions"]), (&json!(false), &json!(["erasure"])));
    assert_eq!(shown.json["settings"]["domain"], bench.stand_in.address().to_string());
    let tested = bench.get(&key, &format!("{PATH}/test")).await;
    assert_eq!(tested.json["test_status"], "failed", "the vendor does not accept the new key");
    assert!(tested.json["failure_reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{tested:?}");

    let records = bench.audit("acme").await;
    let what: Vec<_> = records.iter().map(|record| record["what"].as_str().unwrap()).collect();
    assert_eq!(what, ["connection-created", "connection-changed", "connection-tested"]);
    assert_eq!(
        records[1]["detail"]["changed"],
        json!([
            "enabled",
            "actions",
            "system",
            "egress.deadlines.total-ms from 30000 to 9000",
            "egress.denied-operations",
            "egress.response-cap from 1048576 to 500000",
            "limits.cpu-ms from 2000 to 500",
            "secrets.api-key"
        ])
    );
    assert!(records[1]["detail"]["by"].as_str().unwrap().starts_with("API key operator ("), "{records:?}");
    assert!(!json!(records).to_string().contains("k-9876543210"));

    let removed = bench.send(&key, "PATCH", PATH, Some(json!({"secrets": {"api-key": null}}))).await;
    assert_eq!(removed.problem(), (422, "unsuited"));
    assert_eq!(removed.json["errors"][0]["field"], "secrets.api-key");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_stands_in_the_database_in_the_open() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    bench.connect(&key, "acme", "newsletter").await;
    if bench.is_on_server() {
        // Its own tools make the copy.
        return;
    }
    bench.parts.store.back_up(&bench.file("copy.db")).await.unwrap();
    let copy = std::fs::read(bench.file("copy.db")).unwrap();
    let found = |text: &str| copy.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(found("newsletter"));
    assert!(!found(bench.stand_in.api_key()) && !found(&key));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_connection_runs_again_once_it_is_resumed_or_passes_its_test() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    bench.connect(&key, "acme", "newsletter").await;
    bench.park(17, "the vendor refused the key").await;
    let shown = bench.get(&key, PATH).await;
    assert_eq!(
        (&shown.json["parked_why"], &shown.json["parked_at"]),
        (&json!("the vendor refused the key"), &json!(17))
    );
    let resumed = bench.send(&key, "POST", &format!("{PATH}/resume"), None).await;
    assert_eq!(resumed.json, json!({"key": "newsletter", "was_parked": true, "was_paused": false}));
    assert_eq!(bench.get(&key, PATH).await.json["parked_why"], json!(null));
    assert_eq!(bench.get(&key, "/api/v1/alarms").await.json, json!({"alarms": []}));
    let again = bench.send(&key, "POST", &format!("{PATH}/resume"), None).await;
    assert_eq!(again.json["was_parked"], false);

    bench.park(17, "the vendor refused the key").await;
    let reader = bench.reading_key("reader", None).await;
    bench.get(&reader, &format!("{PATH}/test")).await;
    assert_eq!(
        bench.get(&key, PATH).await.json["parked_at"],
        17,
        "a read-only key does not resume a connection"
    );
    bench.get(&key, &format!("{PATH}/test")).await;
    assert_eq!(bench.get(&key, PATH).await.json["parked_why"], json!(null));
    let records = bench.audit("acme").await;
    assert_eq!(records.iter().filter(|record| record["what"] == "connection-resumed").count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_with_unfinished_requests_is_deleted_only_when_they_are_abandoned() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    bench.connect(&key, "acme", "newsletter").await;
    let submit = async |email: &str| {
        let body = json!({"action": "erasure", "identity": {"email": email}});
        let taken = bench.send(&key, "POST", &format!("{PATH}/requests"), Some(body)).await;
        taken.json["id"].as_str().unwrap().to_owned()
    };
    let shown = async |id: &str| bench.get(&key, &format!("/api/v1/requests/{id}")).await.json;
    let refusal = json!({"code": "BadParams", "msg": "no"});
    bench.stand_in.fault(Fault::Answer(400, refusal), "POST /api/users/forget", 1);
    let failed = submit("ada@example.com").await;
    eventually("it has failed", async || shown(&failed).await, |shown| shown["state"] == "failed").await;
    let sent = submit("bob@example.com").await;
    eventually("it was sent", async || shown(&sent).await, |shown| shown["step"] == "confirm").await;
    bench.park(17, "the vendor refused the key").await;
    let unsent = submit("carl@example.com").await;
    let others = bench.alarm("acme", Some("other"), "forward-skips", "x").await;
    let refused = bench.send(&key, "DELETE", PATH, None).await;
    assert_eq!(refused.problem(), (409, "unfinished"));
    assert_eq!(refused.json["requests"], 2);
    assert_eq!(bench.get(&key, PATH).await.status, 200);

    let deleted = bench.send(&key, "DELETE", &format!("{PATH}?abandon=true"), None).await;
    assert_eq!(deleted.json, json!({"key": "newsletter", "requests_abandoned": 2}));
    assert_eq!(bench.get(&key, PATH).await.problem(), (404, "unknown"));
    assert!(bench.parts.served.calls("newsletter").is_err());
    let rows: Vec<String> = bench
        .write(|tx| {
            Box::pin(async move {
                let rows = sqlx::query_scalar(
                    "SELECT 'details' FROM requests WHERE sealed_details IS NOT NULL \
                     UNION ALL SELECT 'key' FROM request_keys UNION ALL SELECT 'person' FROM people \
                     UNION ALL SELECT 'name' FROM names",
                );
                Ok(rows.fetch_all(tx).await?)
            })
        })
        .await;
    assert_eq!(rows, [""; 0], "no personal data is left");
    for (id, reason) in [
        (&failed, "BadParams"),
        (&sent, "its connection was deleted before it ended; the vendor may have acted: check there"),
        (&unsent, "its connection was deleted before anything was sent"),
    ] {
        let shown = shown(id).await;
        assert_eq!(shown["state"], "failed", "{shown}");
        assert!(shown["reason"].as_str().unwrap().contains(reason), "{shown}");
    }
    let alarms = bench.get(&key, "/api/v1/alarms").await;
    let open: Vec<_> =
        alarms.json["alarms"].as_array().unwrap().iter().map(|alarm| alarm["id"].clone()).collect();
    assert_eq!(open, [others], "alarms of a deleted connection are cleared");
    let replayed = bench.send(&key, "POST", &format!("/api/v1/requests/{failed}/replay"), None).await;
    assert_eq!(replayed.problem(), (409, "not-replayed"));
    let records = bench.audit("acme").await;
    assert_eq!(records.last().unwrap()["what"], "connection-deleted");
    bench.connect(&key, "other", "newsletter").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_system_that_the_mapping_cannot_stand_for_is_refused_and_changes_nothing() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    bench.connect(&key, "acme", "newsletter").await;
    for (path, body) in [
        ("systems/crm", json!({"fides_key": "crm", "name": "CRM", "data_uses": ["marketing"]})),
        (
            "notices/n-1",
            json!({"id": "n-1", "name": "News", "data_uses": ["marketing"], "enforcement_level": "system_wide"}),
        ),
    ] {
        let put = bench.send(&key, "PUT", &format!("/api/v1/tenants/acme/{path}"), Some(body)).await;
        assert_eq!(put.status, 204, "{put:?}");
    }
    assert_eq!(bench.send(&key, "PATCH", PATH, Some(json!({"system": "crm"}))).await.status, 200);
    let items = "/api/v1/plus/connection/newsletter/consentable-items";
    let mut mapping = bench.get(&key, items).await.json;
    let mail = mapping.as_array_mut().unwrap().iter_mut().find(|item| item["external_id"] == "6539").unwrap();
    mail["notice_id"] = json!("n-1");
    let mapped = bench.send(&key, "PUT", items, Some(mapping)).await;
    assert_eq!(mapped.status, 200, "{mapped:?}");
    let patch = json!({"system": "billing", "enabled": false});
    let refused = bench.send(&key, "PATCH", PATH, Some(patch)).await;
    assert_eq!(refused.problem(), (409, "breaks-mapping"));
    assert!(refused.detail().starts_with("connection newsletter maps channel:6539: "), "{refused:?}");
    let shown = bench.get(&key, PATH).await;
    assert_eq!((&shown.json["system"], &shown.json["enabled"]), (&json!("crm"), &json!(true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_cannot_be_read_keeps_no_other_from_being_served() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    bench.connect(&key, "acme", "newsletter").await;
    bench.connect(&key, "acme", "second").await;
    bench.connect(&key, "acme", "third").await;
    // A word of a later version, and a change from outside.
    bench
        .authenticated_sql("UPDATE connections SET actions = '[\"portability\"]' WHERE key = 'newsletter'")
        .await;
    bench.sql("UPDATE connections SET sealed_secrets = x'00' WHERE key = 'third'").await;
    let bench = bench.restarted().await;
    assert_eq!(bench.get(&key, "/api/v1/connection/second/test").await.json["test_status"], "succeeded");
    let listed = bench.get(&key, "/api/v1/connection").await;
    assert_eq!(listed.json["connections"].as_array().unwrap().len(), 1);
    let alarms = bench.get(&key, "/api/v1/alarms").await;
    let alarms: Vec<_> = alarms.json["alarms"].as_array().unwrap().clone();
    let told: Vec<_> = alarms.iter().map(|alarm| (alarm["kind"].clone(), alarm["about"].clone())).collect();
    let wanted = |key: &str| (json!("connection-unreadable"), json!(key));
    assert_eq!(told, [wanted("newsletter"), wanted("third")]);
    assert!(alarms[0]["detail"].as_str().unwrap().contains("actions"), "{alarms:?}");
    assert!(alarms[1]["detail"].as_str().unwrap().contains("changed or inserted"), "{alarms:?}");
    assert_eq!(bench.get(&key, PATH).await.problem(), (500, "internal"));
    let other = bench.key("other", Some(&["other"])).await;
    assert_eq!(bench.send(&other, "DELETE", PATH, None).await.problem(), (404, "unknown"));
    assert_eq!(bench.send(&key, "DELETE", PATH, None).await.status, 200);
    let left = bench.get(&key, "/api/v1/alarms").await.json["alarms"].as_array().unwrap().len();
    assert_eq!((left, bench.get(&key, PATH).await.status), (1, 404));
    bench.connect(&key, "acme", "newsletter").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_is_cleared_by_name_with_a_note() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    let id = bench.alarm("acme", None, "forward-fails", "x").await;
    let listed = bench.get(&key, "/api/v1/alarms").await;
    assert_eq!(listed.json["alarms"][0]["id"], id.as_str());
    let note = "n".repeat(501);
    let path = &format!("/api/v1/alarms/{id}/clear");
    let refused = bench.send(&key, "POST", path, Some(json!({"note": note}))).await;
    assert_eq!(refused.problem(), (400, "bad-body"));
    let cleared = bench.send(&key, "POST", path, Some(json!({"note": "looked at it"}))).await;
    let by = cleared.json["cleared_by"].as_str().unwrap();
    assert!(by.starts_with("API key operator (") && by.ends_with("): looked at it"), "{by}");
    assert_eq!(bench.get(&key, "/api/v1/alarms").await.json, json!({"alarms": []}));
    assert_eq!(bench.send(&key, "POST", path, Some(json!({}))).await.problem(), (404, "unknown"));
}
