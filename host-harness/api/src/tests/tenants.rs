//! On every route of the OpenAPI document, a key for one tenant sees another tenant's resources as nonexistent.

use host_model::digest::Digest;
use serde_json::{Value, json};
use test_support::eventually;

use crate::testing::{Answer, ApiBench};

const NEVER: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

/// A route of the document.
struct Route {
    method: String,
    path: String,
    /// The content type of its body, if it has one.
    content_type: Option<String>,
}

/// The routes that require a key. Deletions come last, the deepest ones first.
fn routes() -> Vec<Route> {
    let document: Value = serde_json::from_str(&crate::testing::document()).unwrap();
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if operation["security"] != json!([{}]) {
                let content = operation["requestBody"]["content"].as_object();
                routes.push(Route {
                    method: method.to_uppercase(),
                    path: path.clone(),
                    content_type: content.map(|content| content.keys().next().unwrap().clone()),
                });
            }
        }
    }
    routes.sort_by_key(|route| (route.method == "DELETE", std::cmp::Reverse(route.path.len())));
    routes
}

/// The names in a tenant's routes.
struct Names {
    tenant: &'static str,
    connection: &'static str,
    alarm: String,
    request: String,
    delivery: String,
    operation: String,
    api_key: String,
    bulk_act: String,
}

impl Names {
    fn of_nothing() -> Self {
        let never = || NEVER.to_owned();
        Self {
            tenant: "nobody",
            connection: "never-there",
            alarm: never(),
            request: never(),
            delivery: never(),
            operation: never(),
            api_key: never(),
            bulk_act: never(),
        }
    }

    /// `route` with its placeholders filled.
    fn filled(&self, route: &Route) -> String {
        let component = std::fs::read(xtask::components::current("iterable").unwrap()).unwrap();
        let version = Digest::of(&component).to_string();
        let mut before = "";
        let mut segments = Vec::new();
        for segment in route.path.split('/') {
            segments.push(if segment.starts_with('{') {
                match before {
                    "connection" | "connections" => self.connection,
                    "tenants" => self.tenant,
                    "alarms" => &self.alarm,
                    "api-keys" => &self.api_key,
                    "requests" => &self.request,
                    "bulk-acts" => &self.bulk_act,
                    "deliveries" => &self.delivery,
                    "notices" => "n-1",
                    "systems" => "crm",
                    "tokens" => "1",
                    "plugins" => "iterable",
                    "versions" => &version,
                    "plugin-operations" => &self.operation,
                    new => panic!("unknown placeholder after {new}/ in {}", route.path),
                }
            } else {
                segment
            });
            before = segment;
        }
        segments.join("/")
    }

    /// The text of `answer`, with one word in place of all of these names.
    fn taken_out_of(&self, answer: &Answer) -> String {
        let names = [
            self.tenant,
            self.connection,
            &self.alarm,
            &self.request,
            &self.delivery,
            &self.api_key,
            &self.bulk_act,
        ];
        names.iter().fold(answer.text.clone(), |text, name| text.replace(name, "…"))
    }
}

/// A body that the route accepts.
fn body(route: &Route) -> String {
    let ada = json!({"email": "ada@example.com"});
    let body = match route.path.trim_start_matches("/api/v1/") {
        "alarms/{id}/clear" => json!({"note": "mine"}),
        "api-keys" => json!({"name": "mine", "role": "viewer", "tenants": ["acme"]}),
        "bulk-acts" => json!({"act": "replay", "filter": {"state": "failed"}, "expected": 1}),
        "connection/{key}" => json!({"enabled": false}),
        "people/find" | "connection/{key}/choices" | "connection/{key}/confirm" => json!({"identity": ada}),
        "connection/{key}/consent" => json!({"identity": ada, "preferences": {"items": [
            {"item": {"kind": "channel", "id": "27447"}, "choice": "opt_out", "chosen_at_ms": 1, "source": "Form"}]}}),
        "connection/{key}/pause" => json!({"reason": "mine"}),
        "connection/{key}/reconcile" => json!({"people": [ada]}),
        "connection/{key}/requests" => json!({"action": "erasure", "identity": ada}),
        "connection/{key}/verify-webhook" => json!({"body": "e30="}),
        "plus/connection/{key}/consentable-items" | "plus/connection/{key}/consentable-items/preview" => {
            json!([])
        }
        "plugins/{name}/pins/tenants/{tenant}"
        | "plugins/{name}/pins/connections/{key}"
        | "plugins/{name}/release" => {
            json!({"digest": Digest([7; 32]).to_string()})
        }
        "plugins/{name}/release/advance" => json!({"share": 5}),
        "tenants/{tenant}/notices/{id}" => notice(),
        "tenants/{tenant}/systems/{key}" => json!({"fides_key": "crm", "name": "Mine", "data_uses": []}),
        "plugins/{name}/versions/{digest}/serve" => json!({"settings": {"region": "eu"}}),
        // A mapping as a file, and a component.
        "connection/{key}/mapping"
        | "connection/{key}/mapping/preview"
        | "plugins/{name}"
        | "plugins/{name}/rehearsal"
        | "plugins/{name}/versions" => return String::new(),
        new if route.content_type.is_some() => {
            panic!("{} {new}: add a body that it accepts", route.method)
        }
        _ => return String::new(),
    };
    body.to_string()
}

fn notice() -> Value {
    json!({"id": "n-1", "name": "News", "data_uses": [], "enforcement_level": "system_wide"})
}

async fn ask(bench: &ApiBench, key: &str, route: &Route, path: &str) -> Answer {
    let content_type = route.content_type.as_deref().unwrap_or("application/json");
    let headers = format!("authorization: Bearer {key}\r\ncontent-type: {content_type}\r\n");
    bench.raw(&route.method, path, &headers, body(route).as_bytes()).await
}

/// A tenant with one resource of each kind, none of them in progress.
async fn with_everything(bench: &ApiBench, operator: &str) -> Names {
    bench.connect(operator, "acme", "newsletter").await;
    let notices = "/api/v1/tenants/acme/notices/n-1";
    assert_eq!(bench.send(operator, "PUT", notices, Some(notice())).await.status, 204);
    let system = json!({"fides_key": "crm", "name": "CRM", "data_uses": []});
    assert_eq!(
        bench.send(operator, "PUT", "/api/v1/tenants/acme/systems/crm", Some(system)).await.status,
        204
    );

    let refusal = json!({"code": "BadParams", "msg": "no"});
    bench.stand_in.fault(iterable_stand_in::Fault::Answer(400, refusal), "POST /api/users/forget", 2);
    let erasure = json!({"action": "erasure", "identity": {"email": "ada@example.com"}});
    let taken = bench.send(operator, "POST", "/api/v1/connection/newsletter/requests", Some(erasure)).await;
    let request = taken.json["id"].as_str().unwrap().to_owned();
    let shown = async || bench.get(operator, &format!("/api/v1/requests/{request}")).await.json;
    eventually("the request has failed", shown, |shown| shown["state"] == "failed").await;
    let act = json!({"act": "replay", "ids": [request], "expected": 1});
    let made = bench.send(operator, "POST", "/api/v1/bulk-acts", Some(act)).await;
    let bulk_act = made.json["id"].as_str().unwrap().to_owned();
    let act = async || bench.get(operator, &format!("/api/v1/bulk-acts/{bulk_act}")).await.json;
    eventually("the act is carried out", act, |act| act["state"] == "done").await;
    eventually("the request has failed again", shown, |shown| shown["state"] == "failed").await;

    let hook = "/api/v1/plus/connection/newsletter/consent-webhook";
    let issued = bench.get(operator, &format!("{hook}/token")).await;
    let header = format!("authorization: Bearer {}\r\n", issued.json["access_token"].as_str().unwrap());
    let opt_out = json!({"email": "ada@example.com", "eventName": "emailUnSubscribe",
        "dataFields": {"createdAt": "2026-03-20 23:34:15 +00:00", "channelIds": [27447], "email": "ada@example.com"}});
    for delivery in [opt_out.to_string(), "no JSON".to_owned()] {
        assert_eq!(bench.raw("POST", hook, &header, delivery.as_bytes()).await.status, 200);
    }
    let listed = async || {
        bench.get(operator, "/api/v1/connection/newsletter/deliveries").await.json["deliveries"].clone()
    };
    let settled =
        |listed: &Value| (&listed[0]["state"], &listed[1]["state"]) == (&json!("unreadable"), &json!("read"));
    let deliveries = eventually("one delivery is read, and one is unreadable", listed, settled).await;
    let delivery = deliveries[0]["id"].as_str().unwrap().to_owned();
    // This alarm ends only when it is cleared.
    let alarm = bench.alarm("acme", None, "forward-fails", "x").await;
    let feed = bench.get(operator, "/api/v1/consent-events").await;
    assert_eq!(feed.json["events"].as_array().unwrap().len(), 1, "{feed:?}");
    let rolled_back = bench.send(operator, "POST", "/api/v1/plugins/iterable/roll-back", None).await;
    assert_eq!(rolled_back.problem(), (409, "not-replaced"), "nothing was published");
    let operations = bench.get(operator, "/api/v1/plugins/iterable/operations").await;
    let operation = operations.json["operations"][0]["id"].as_str().unwrap().to_owned();
    let new = json!({"name": "acme-viewer", "role": "viewer", "tenants": ["acme"]});
    let created = bench.send(operator, "POST", "/api/v1/api-keys", Some(new)).await;
    let api_key = created.json["api_key"]["id"].as_str().unwrap().to_owned();
    Names { tenant: "acme", connection: "newsletter", alarm, request, delivery, operation, api_key, bulk_act }
}

fn no_requests() -> Value {
    json!({"requests": [], "count": 0, "count_is_exact": true})
}

/// Checks the answer of a route that names no resource.
async fn about_nothing_in_particular(bench: &ApiBench, other: &str, route: &Route) {
    let (method, path) = (&*route.method, &*route.path);
    let empty = match (method, path) {
        ("GET", "/api/v1/alarms") => json!({"alarms": []}),
        ("GET", "/api/v1/connection" | "/api/v1/people/merged") | ("POST", "/api/v1/people/find") => {
            json!({"connections": []})
        }
        ("GET", "/api/v1/bulk-acts") => json!({"acts": []}),
        ("POST", "/api/v1/bulk-acts") => {
            assert_eq!(ask(bench, other, route, path).await.problem(), (409, "matches-changed"));
            return;
        }
        ("GET", "/api/v1/consent-events") => json!({"events": [], "cursor": 0}),
        ("GET", "/api/v1/requests") => no_requests(),
        ("POST", "/api/v1/connection") => {
            let made = bench.send(other, method, path, Some(bench.connection("acme", "mine"))).await;
            assert_eq!(made.problem(), (403, "not-all-tenants"));
            return;
        }
        ("POST", "/api/v1/reload") | ("GET", "/metrics" | "/api/v1/replicas") => {
            assert_eq!(ask(bench, other, route, path).await.problem(), (403, "not-all-tenants"), "{path}");
            return;
        }
        ("POST", "/api/v1/api-keys") => {
            assert_eq!(ask(bench, other, route, path).await.problem(), (403, "exceeds-own-rights"));
            return;
        }
        ("GET", "/api/v1/api-keys" | "/api/v1/audit" | "/api/v1/audit/export" | "/api/v1/audit/state")
        | ("POST", "/api/v1/audit/verify") => {
            let answer = ask(bench, other, route, path).await;
            assert_eq!(answer.status, 200, "{path}");
            assert!(
                !answer.text.contains("acme") && !answer.text.contains("newsletter"),
                "{path}: {answer:?}"
            );
            return;
        }
        // The running plugins are the same for every tenant.
        ("GET", "/api/v1/plugins") => return,
        new => panic!("{new:?}: add what another tenant's key gets there"),
    };
    assert_eq!(ask(bench, other, route, path).await.json, empty, "{path}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_tenants_things_are_as_if_they_were_not_there() {
    let bench = ApiBench::new().await;
    let operator = bench.operator().await;
    let (theirs, never) = (with_everything(&bench, &operator).await, Names::of_nothing());
    let (other, reader) =
        (bench.key("other", Some(&["other"])).await, bench.reading_key("reader", Some(&["other"])).await);
    let before = (bench.audit("acme").await, bench.stand_in.requests().len());
    let mut walked = 0;
    for route in routes() {
        let (of_theirs, of_never) = (theirs.filled(&route), never.filled(&route));
        let named = format!("{} {}", route.method, route.path);
        if route.path.contains("/plugins/{name}") || route.path.contains("/plugin-operations/") {
            let answer = ask(&bench, &other, &route, &of_theirs).await;
            if route.method != "GET" {
                assert_eq!(answer.problem(), (403, "not-all-tenants"), "{named}");
            }
        } else if of_theirs == route.path {
            about_nothing_in_particular(&bench, &other, &route).await;
        } else {
            walked += 1;
            let hidden = ask(&bench, &other, &route, &of_theirs).await;
            assert_eq!(hidden.problem(), (404, "unknown"), "{named}");
            let unknown = ask(&bench, &other, &route, &of_never).await;
            assert_eq!(unknown.problem(), (404, "unknown"), "{named}");
            assert_eq!(theirs.taken_out_of(&hidden), never.taken_out_of(&unknown), "{named}");
            // The permission to write is checked before the resource is looked up.
            let hidden = ask(&bench, &reader, &route, &of_theirs).await;
            let unknown = ask(&bench, &reader, &route, &of_never).await;
            assert_eq!(theirs.taken_out_of(&hidden), never.taken_out_of(&unknown), "{named}");
        }
    }
    assert!(walked >= 30, "{walked}");
    for query in [
        "requests?connection=newsletter".to_owned(),
        format!("requests?before={}", theirs.request),
        "requests?state=failed&limit=500".to_owned(),
    ] {
        let listed = bench.get(&other, &format!("/api/v1/{query}")).await;
        assert_eq!(listed.json, no_requests(), "{query}");
    }
    let taken = json!({"key": "newsletter", "tenant": "other", "plugin": "iterable"});
    let taken = bench.send(&other, "POST", "/api/v1/connection", Some(taken)).await;
    assert_eq!(taken.problem(), (409, "key-taken"));
    assert!(!taken.text.contains("acme"), "{taken:?}");
    assert_eq!((bench.audit("acme").await, bench.stand_in.requests().len()), before, "nothing was changed");

    let own = bench.key("own", Some(&["acme"])).await;
    for route in routes().iter().filter(|route| route.path.contains('{')) {
        let answer = ask(&bench, &own, route, &theirs.filled(route)).await;
        assert_ne!(answer.status, 404, "{} {} exists: {answer:?}", route.method, route.path);
    }
}
