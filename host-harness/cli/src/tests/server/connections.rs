use serde_json::json;

use super::{Exit, Running};

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_made_tested_changed_and_deleted() {
    let running = Running::new().await;
    let host = running.stand_in.address().to_string();
    let told = running.create("newsletter", &["--system", "crm", "--actions", "erasure", "--disable"]).await;
    assert_eq!((told.exit, told.err.as_str()), (Exit::Done, ""));
    for line in [
        "connection   newsletter",
        "tenant       acme",
        "state        disabled",
        "owner        API",
        "actions      erasure",
        "system       crm",
        "secrets      api-key = **********",
        "webhook URL  https://hooks.example.com/api/v1/plus/connection/newsletter/consent-webhook",
    ] {
        assert!(told.out.lines().any(|told| told == line), "{line} is not in\n{}", told.out);
    }
    let change = ["connection", "change", "newsletter", "--enable", "--actions", "erasure,consent", "--json"];
    let changed = running.run(&change).await.json();
    assert_eq!((&changed["enabled"], &changed["actions"]), (&json!(true), &json!(["erasure", "consent"])));
    assert_eq!(changed["settings"], json!({ "domain": host }));

    let check = running.run(&["check", "newsletter"]).await;
    let test = running.run(&["connection", "test", "newsletter"]).await;
    assert_eq!((check.exit, &check.out), (Exit::Done, &test.out));
    assert!(
        check.out.starts_with("connection newsletter: works\n  passed   connector: version "),
        "{}",
        check.out
    );

    let told = running.run(&["connection", "list"]).await.out;
    let row: Vec<_> = told.lines().nth(3).unwrap().split_whitespace().collect();
    assert_eq!(row[..6], ["newsletter", "acme", "iterable", "active", "API", "passed"], "{told}");
    assert!(row[6].ends_with('Z') && row[6].contains('T'), "{told}");

    let told = running.run(&["connection", "resume", "newsletter"]).await;
    assert_eq!(told.out, "connection newsletter was neither paused nor parked\n");
    let pause = ["connection", "pause", "newsletter", "--reason", "the vendor migrates"];
    assert_eq!(running.run(&pause).await.out, "connection newsletter is paused\n");
    assert_eq!(running.run(&pause).await.out, "connection newsletter was paused already\n");
    let told = running.run(&["connection", "show", "newsletter"]).await.out;
    assert!(told.contains("state        paused since "), "{told}");
    assert!(told.contains(": the vendor migrates\n"), "{told}");
    let paused = running
        .run(&["connection", "list", "--health", "parked,paused", "--limit", "1", "--json"])
        .await
        .json();
    assert_eq!(paused["connections"][0]["key"], "newsletter");
    let ready = running.run(&["connection", "list", "--health", "ready", "--json"]).await.json();
    assert_eq!(ready, json!({"connections": []}));
    let told = running.run(&["connection", "resume", "newsletter"]).await;
    assert_eq!(told.out, "connection newsletter is resumed\n");
    let told = running.run(&["connection", "delete", "newsletter"]).await;
    assert_eq!(
        (told.exit, told.out.as_str()),
        (Exit::Done, "connection newsletter is deleted; requests marked as failed: 0\n")
    );
    assert_eq!(running.run(&["connection", "list", "--json"]).await.json(), json!({"connections": []}));
    running.assert_discreet();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bounds_of_a_connection_are_set_and_reset() {
    let running = Running::new().await;
    let made = running
        .create("newsletter", &["--limit", "cpu-ms=500", "--deny-operation", "forget", "--json"])
        .await;
    let made = made.json();
    assert_eq!(
        (&made["limits"]["cpu_ms"], &made["egress"]["denied_operations"]),
        (&json!(500), &json!(["forget"]))
    );
    let change = ["connection", "change", "newsletter", "--json"];
    let set = [
        "--limit",
        "wall-ms=9000",
        "--egress",
        "deadlines.total-ms=30000",
        "--reset",
        "egress.denied-operations",
    ];
    let changed = running.run(&[&change[..], &set].concat()).await.json();
    assert_eq!((&changed["limits"]["cpu_ms"], &changed["limits"]["wall_ms"]), (&json!(500), &json!(9_000)));
    assert_eq!(changed["egress"]["deadlines"]["total_ms"], 30_000);
    assert_eq!(changed["egress"]["denied_operations"], json!([]));
    let reset = running.run(&[&change[..], &["--reset", "limits"]].concat()).await.json();
    assert_ne!(reset["limits"]["cpu_ms"], 500);
    let told = running.run(&["connection", "change", "newsletter", "--limit", "cpu-sm=500"]).await;
    assert_eq!(told.exit, Exit::Misused);
    assert!(told.err.starts_with("error: limits: cpu_sm: unknown field `cpu_sm`, expected one of `memory_bytes`, `memories`, `core_instances`, "), "{}", told.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_says_whether_it_works_what_it_counts_and_what_it_offers() {
    let running = Running::new().await;
    let told = running.run(&["service", "status"]).await;
    assert_eq!((told.exit, told.out.as_str()), (Exit::Done, "ready, plugins: iterable\n"));
    let status = running.run(&["service", "status", "--json"]).await.json();
    assert_eq!(status, json!({"status": "ready", "plugins": ["iterable"]}));
    let metrics = running.run(&["service", "metrics"]).await;
    assert!(metrics.out.contains("\n# TYPE connector_host_"), "{}", metrics.out);
    let document = running.run(&["service", "openapi"]).await.json();
    let kept =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json")).unwrap();
    assert_eq!(document, serde_json::from_str::<serde_json::Value>(&kept).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_does_not_suit_is_refused_field_by_field() {
    let running = Running::new().await;
    let told =
        running.create("newsletter", &["--setting", "project-typ=email", "--setting", "webhook-id=7"]).await;
    assert_eq!((told.exit, told.out.as_str()), (Exit::Misused, ""));
    assert!(
        told.err.starts_with("error: The connection is unsuitable: ") && told.err.contains("project-typ"),
        "{}",
        told.err
    );
    let told = running.create("newsletter", &["--secret", "token=s-0123456789"]).await;
    assert_eq!(
        told.err,
        "error: --secret: expected NAME=file:PATH or NAME=env:VARIABLE; the secret itself is never an argument\n"
    );
    running.assert_discreet();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_is_read_again_and_plugins_are_published_and_rolled_back() {
    let running = Running::new().await;
    let config = std::fs::read_to_string(running.file("connector-host.toml")).unwrap();
    let host = running.stand_in.address();
    let more = format!(
        "tenants.acme = {{}}\n[connections.shop]\ntenant = 'acme'\nplugin = 'iterable'\nsettings = {{ domain = '{host}' }}\n\
         secrets.api-key = {{ file = 'iterable.key' }}\negress = {{ hosts = ['{host}'], loopback = true, plain-http = true }}\n"
    );
    std::fs::write(running.file("connector-host.toml"), format!("{config}{more}")).unwrap();
    let told = running.run(&["reload"]).await;
    assert_eq!((told.exit, told.out.as_str()), (Exit::Done, "reloaded\n  added: shop\n"), "{told:?}");
    std::fs::write(running.file("connector-host.toml"), "broken").unwrap();
    let told = running.run(&["reload"]).await;
    assert_eq!(told.exit, Exit::Misused);
    assert!(told.err.starts_with("error: The configuration is invalid: "), "{}", told.err);

    let listed = running.run(&["plugin", "list", "--json"]).await.json();
    let digest = listed["plugins"][0]["digest"].as_str().unwrap().to_owned();
    let component = xtask::components::current("iterable").unwrap();
    let publish = ["plugin", "publish", "other", component.to_str().unwrap()];
    let told = running.run(&publish).await;
    assert_eq!(told.exit, Exit::Misused);
    assert!(told.err.contains("--agree to approve this") && !told.err.contains("agree=true"), "{}", told.err);
    let told = running.run(&[&publish[..], &["--agree"]].concat()).await;
    assert_eq!(told.exit, Exit::Done, "{told:?}");
    assert!(told.out.starts_with(&format!("plugin other: running {digest}\n")), "{}", told.out);
    let small = ["plugin", "publish", "third", component.to_str().unwrap(), "--agree", "--max-bytes", "1000"];
    let told = running.run(&small).await;
    assert_eq!(told.exit, Exit::Misused, "{told:?}");
    assert!(told.err.contains("publish it again with --max-bytes "), "{}", told.err);
    let larger = [&small[..5], &["--max-bytes", "9000000", "--describe-ms", "20000", "--wasi", "trapped"]];
    let told = running.run(&larger.concat()).await;
    assert_eq!(told.exit, Exit::Done, "{told:?}");
    assert!(
        told.out.contains("\n  loads with max-bytes 9000000, describe-ms 20000, wasi trapped\n"),
        "{}",
        told.out
    );
    let told = running.run(&["plugin", "roll-back", "iterable"]).await;
    assert_eq!((told.exit, told.out.as_str()), (Exit::Misused, ""), "{told:?}");
    let told = running.run(&["plugin", "list"]).await.out;
    assert!(told.contains("iterable") && told.contains("other"), "{told}");
    running.assert_discreet();
}
