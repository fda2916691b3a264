//! Every error is answered with a problem document.

use serde_json::{Value, json};

use crate::testing::ApiBench;

/// Each route of the document with a method, its placeholders filled with `blank`.
fn routes(blank: &str) -> Vec<(String, String)> {
    let document: Value = serde_json::from_str(&crate::testing::document()).unwrap();
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let segments: Vec<_> =
            path.split('/').map(|segment| if segment.starts_with('{') { blank } else { segment }).collect();
        let methods = item.as_object().unwrap().keys();
        routes.extend(methods.map(|method| (method.to_uppercase(), segments.join("/"))));
    }
    routes
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_request_to_every_route_is_answered_with_a_problem_document() {
    let bench = ApiBench::new().await;
    let operator = bench.operator().await;
    bench.connect(&operator, "acme", "newsletter").await;
    let with =
        |content_type: &str| format!("authorization: Bearer {operator}\r\ncontent-type: {content_type}\r\n");
    let oversized = "[".repeat(crate::body::MAX_BODY + 1);
    let mut refused = 0;
    for blank in ["newsletter", "17", "%FF", "%2E%2E", "a%00b"] {
        for (method, path) in routes(blank) {
            for (method, query, headers, body) in [
                ("PURGE", "", with("application/json"), "{}"),
                (
                    &*method,
                    "?limit=x&after=x&before=x&state=x&agree=x&abandon=x&nope=1",
                    with("application/json"),
                    "{}",
                ),
                (&*method, "?%FF=%FF", with("application/json"), "{}"),
                (&*method, "", with("application/json"), "{\"a"),
                (&*method, "", with("application/json"), "[17]"),
                (&*method, "", with("application/json"), "\u{0}"),
                (&*method, "", with("text/plain"), "{}"),
                (&*method, "", String::new(), ""),
                (&*method, "", with("application/json"), &oversized),
            ] {
                let path = format!("{path}{query}");
                let answer = bench.raw(method, &path, &headers, body.as_bytes()).await;
                if answer.status >= 400 {
                    let (status, kind) = answer.problem();
                    assert!(status < 500 || kind == "vendor", "{method} {path}: {answer:?}");
                    assert!(!kind.is_empty() && !answer.detail().is_empty(), "{method} {path}: {answer:?}");
                    refused += 1;
                }
            }
        }
    }
    assert!(refused > 1_000, "{refused}");
    let nowhere = bench.raw("GET", "/api/v1/nowhere", "", b"").await;
    assert_eq!(nowhere.problem(), (404, "unknown"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_named_as_fides_names_people_and_by_what_the_connector_finds_people_by() {
    let bench = ApiBench::new().await;
    let operator = bench.operator().await;
    let mut hybrid = bench.connection("acme", "newsletter");
    hybrid["settings"]["project-type"] = json!("hybrid");
    assert_eq!(bench.send(&operator, "POST", "/api/v1/connection", Some(hybrid)).await.status, 201);
    let submit = async |identity: Value| {
        let body = json!({"action": "erasure", "identity": identity});
        bench.send(&operator, "POST", "/api/v1/connection/newsletter/requests", Some(body)).await
    };
    for identity in [
        json!({"email": "ada@example.com"}),
        json!({"external_id": "u-17"}),
        json!({"user-id": "u-17", "external_id": "u-17"}),
        json!({"email": "ada@example.com", "phone_number": "+491701234567"}),
    ] {
        let taken = submit(identity.clone()).await;
        assert_eq!(taken.status, 202, "{identity} {taken:?}");
    }
    for identity in
        [json!({"phone_number": "+491701234567"}), json!({"email": " ", "fides_user_device": "d"})]
    {
        let refused = submit(identity.clone()).await;
        assert_eq!(refused.problem(), (422, "no-usable-kind"), "{identity}");
        assert_eq!(refused.json["accepted"], json!(["email", "user-id"]));
        assert_eq!(
            refused.detail(),
            "connection newsletter does not identify people by these identifier kinds; it accepts email, user-id"
        );
    }
    let nobody = submit(json!({"email": ""})).await;
    assert_eq!(nobody.problem(), (400, "bad-body"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_cannot_do_what_is_asked_says_so_and_is_not_unknown() {
    let puppet = xtask::components::current("guests/puppet").unwrap();
    let bench = ApiBench::with(&format!("plugins.puppet.file = '{}'\n", puppet.display())).await;
    let operator = bench.operator().await;
    let made = json!({"key": "puppet", "tenant": "acme", "plugin": "puppet"});
    assert_eq!(bench.send(&operator, "POST", "/api/v1/connection", Some(made)).await.status, 201);
    let path = "/api/v1/connection/puppet/requests";
    let reading = json!({"action": "reading", "identity": {"email": "ada@example.com"}});
    let refused = bench.send(&operator, "POST", path, Some(reading)).await;
    assert_eq!(refused.problem(), (422, "unsuited"));
    assert_eq!(refused.detail(), "the connector puppet of connection puppet does not offer consent");
    bench.connect(&operator, "acme", "newsletter").await;
    // The API refuses such a setting, so it is written into the table.
    let unsuited = "UPDATE connections SET settings = REPLACE(settings, '\"domain\":\"', '\"domain\":\"not a host ') \
                    WHERE key = 'newsletter'";
    bench.authenticated_sql(unsuited).await;
    bench.parts.connections.load_all().await.unwrap();
    let erasure = json!({"action": "erasure", "identity": {"email": "ada@example.com"}});
    let refused =
        bench.send(&operator, "POST", "/api/v1/connection/newsletter/requests", Some(erasure)).await;
    assert_eq!(refused.problem(), (422, "unsuited"));
    assert!(refused.detail().starts_with("connection newsletter is not served: "), "{refused:?}");
    assert_eq!(bench.audit("acme").await.len(), 2, "only the two records of the creation");
}

#[test]
fn the_guide_lists_every_kind_of_problem() {
    let guide = include_str!("../../../../docs/service.md");
    let kinds = include_str!("../problem.rs")
        .split("kind(")
        .filter_map(|rest| rest.trim_start().strip_prefix("StatusCode::"));
    let names: Vec<_> = kinds.filter_map(|rest| rest.split('"').nth(1)).collect();
    assert!(names.len() > 30, "{names:?}");
    for name in names {
        assert!(guide.contains(&format!("| `{name}` |")), "docs/service.md does not list `{name}`");
    }
}
