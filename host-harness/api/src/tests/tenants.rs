//! What a key to one tenant finds of another's: on every route of the OpenAPI document, the same as of what never was.

use serde_json::{Value, json};

use crate::testing::{Answer, Bench};

const NEVER: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

/// A route, as the document has it.
struct Route {
    method: String,
    path: String,
    /// What it takes, if it takes anything.
    content_type: Option<String>,
}

/// The routes that want a key. Those that delete come last, what lies deepest first.
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
        }
    }

    /// `route` with its blanks filled.
    fn filled(&self, route: &Route) -> String {
        let mut before = "";
        let mut segments = Vec::new();
        for segment in route.path.split('/') {
            segments.push(if segment.starts_with('{') {
                match before {
                    "connection" => self.connection,
                    "tenants" => self.tenant,
                    "alarms" => &self.alarm,
                    "requests" => &self.request,
                    "deliveries" => &self.delivery,
                    "notices" => "n-1",
                    "systems" => "crm",
                    "tokens" => "1",
                    "plugins" => "iterable",
                    new => panic!("what stands after {new}/ in {}?", route.path),
                }
            } else {
                segment
            });
            before = segment;
        }
        segments.join("/")
    }

    /// `answer`'s text with one word for all of these names.
    fn taken_out_of(&self, answer: &Answer) -> String {
        let names = [self.tenant, self.connection, &self.alarm, &self.request, &self.delivery];
        names.iter().fold(answer.text.clone(), |text, name| text.replace(name, "…"))
    }
}

/// A body that the route takes.
fn body(route: &Route) -> String {
    let ada = json!({"email": "ada@example.com"});
    let body = match route.path.trim_start_matches("/api/v1/") {
        "alarms/{id}/clear" => json!({"note": "mine"}),
        "connection/{key}" => json!({"enabled": false}),
        "connection/{key}/choices" | "connection/{key}/confirm" => json!({"identity": ada}),
        "connection/{key}/consent" => json!({"identity": ada, "preferences": {"items": [
            {"item": {"kind": "channel", "id": "27447"}, "choice": "opt_out", "chosen_at_ms": 1, "source": "Form"}]}}),
        "connection/{key}/reconcile" => json!({"people": [ada]}),
        "connection/{key}/requests" => json!({"action": "erasure", "identity": ada}),
        "connection/{key}/verify-webhook" => json!({"body": "e30="}),
        "plus/connection/{key}/consentable-items" => json!([]),
        "tenants/{tenant}/notices/{id}" => notice(),
        "tenants/{tenant}/systems/{key}" => json!({"fides_key": "crm", "name": "Mine", "data_uses": []}),
        // A mapping as a file, and a component.
        "connection/{key}/mapping" | "plugins/{name}" => return String::new(),
        new if route.content_type.is_some() => {
            panic!("{} {new}: write down a body that it takes", route.method)
        }
        _ => return String::new(),
    };
    body.to_string()
}

fn notice() -> Value {
    json!({"id": "n-1", "name": "News", "data_uses": [], "enforcement_level": "system_wide"})
}

async fn ask(bench: &Bench, key: &str, route: &Route, path: &str) -> Answer {
    let content_type = route.content_type.as_deref().unwrap_or("application/json");
    let headers = format!("authorization: Bearer {key}\r\ncontent-type: {content_type}\r\n");
    bench.raw(&route.method, path, &headers, body(route).as_bytes()).await
}

/// A tenant with one of everything, all at rest.
async fn with_everything(bench: &Bench, operator: &str) -> Names {
    bench.connect(operator, "acme", "newsletter").await;
    let notices = "/api/v1/tenants/acme/notices/n-1";
    assert_eq!(bench.send(operator, "PUT", notices, Some(notice())).await.status, 204);
    let system = json!({"fides_key": "crm", "name": "CRM", "data_uses": []});
    assert_eq!(
        bench.send(operator, "PUT", "/api/v1/tenants/acme/systems/crm", Some(system)).await.status,
        204
    );

    let refusal = json!({"code": "BadParams", "msg": "no"});
    bench.stand_in.fault(iterable_stand_in::Fault::Answer(400, refusal), "POST /api/users/forget", 1);
    let erasure = json!({"action": "erasure", "identity": {"email": "ada@example.com"}});
    let taken = bench.send(operator, "POST", "/api/v1/connection/newsletter/requests", Some(erasure)).await;
    let request = taken.json["id"].as_str().unwrap().to_owned();
    while bench.get(operator, &format!("/api/v1/requests/{request}")).await.json["state"] != "failed" {
        tokio::task::yield_now().await;
    }

    let hook = "/api/v1/plus/connection/newsletter/consent-webhook";
    let issued = bench.get(operator, &format!("{hook}/token")).await;
    let header = format!("authorization: Bearer {}\r\n", issued.json["access_token"].as_str().unwrap());
    let opt_out = json!({"email": "ada@example.com", "eventName": "emailUnSubscribe",
        "dataFields": {"createdAt": "2026-03-20 23:34:15 +00:00", "channelIds": [27447], "email": "ada@example.com"}});
    for delivery in [opt_out.to_string(), "no JSON".to_owned()] {
        assert_eq!(bench.raw("POST", hook, &header, delivery.as_bytes()).await.status, 200);
    }
    let delivery = loop {
        let listed = bench.get(operator, "/api/v1/connection/newsletter/deliveries").await;
        let [unreadable, read] = &listed.json["deliveries"].as_array().unwrap()[..] else {
            panic!("{listed:?}")
        };
        if unreadable["state"] == "unreadable" && read["state"] == "read" {
            break unreadable["id"].as_str().unwrap().to_owned();
        }
        tokio::task::yield_now().await;
    };
    // One that nothing but its clearing ends.
    bench.sql("INSERT INTO alarms (id, tenant, kind, about, detail, raised_at) VALUES ('alarm-1', 'acme', 'k', 'x', 'd', 1)").await;
    let feed = bench.get(operator, "/api/v1/consent-events").await;
    assert_eq!(feed.json["events"].as_array().unwrap().len(), 1, "{feed:?}");
    Names { tenant: "acme", connection: "newsletter", alarm: "alarm-1".to_owned(), request, delivery }
}

/// What is answered on a route about nothing in particular.
async fn about_nothing_in_particular(bench: &Bench, other: &str, route: &Route) {
    let (method, path) = (&*route.method, &*route.path);
    let empty = match (method, path) {
        ("GET", "/api/v1/alarms") => json!({"alarms": []}),
        ("GET", "/api/v1/connection" | "/api/v1/people/merged") => json!({"connections": []}),
        ("GET", "/api/v1/consent-events") => json!({"events": [], "cursor": 0}),
        ("GET", "/api/v1/requests") => json!({"requests": []}),
        ("POST", "/api/v1/connection") => {
            let made = bench.send(other, method, path, Some(bench.connection("acme", "mine"))).await;
            assert_eq!(made.problem(), (403, "not-all-tenants"));
            return;
        }
        ("POST", "/api/v1/reload") | ("GET", "/metrics") => {
            assert_eq!(ask(bench, other, route, path).await.problem(), (403, "not-all-tenants"), "{path}");
            return;
        }
        // What runs is the same for every tenant.
        ("GET", "/api/v1/plugins") => return,
        new => panic!("{new:?}: write down what another tenant's key finds there"),
    };
    assert_eq!(ask(bench, other, route, path).await.json, empty, "{path}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_tenants_things_are_as_if_they_were_not_there() {
    let bench = Bench::new().await;
    let operator = bench.operator().await;
    let (theirs, never) = (with_everything(&bench, &operator).await, Names::of_nothing());
    let (other, reader) = (
        bench.key("other", Some(&["other"]), true).await,
        bench.key("reader", Some(&["other"]), false).await,
    );
    let before = (bench.audit("acme").await, bench.stand_in.requests().len());
    let mut walked = 0;
    for route in routes() {
        let (of_theirs, of_never) = (theirs.filled(&route), never.filled(&route));
        let named = format!("{} {}", route.method, route.path);
        if route.path.contains("/plugins/{name}") {
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
            // Whether a key may write is told before what is there.
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
        assert_eq!(listed.json, json!({"requests": []}), "{query}");
    }
    let taken = json!({"key": "newsletter", "tenant": "other", "plugin": "iterable"});
    let taken = bench.send(&other, "POST", "/api/v1/connection", Some(taken)).await;
    assert_eq!(taken.problem(), (409, "key-taken"));
    assert!(!taken.text.contains("acme"), "{taken:?}");
    assert_eq!((bench.audit("acme").await, bench.stand_in.requests().len()), before, "nothing came of it");

    let own = bench.key("own", Some(&["acme"]), true).await;
    for route in routes().iter().filter(|route| route.path.contains('{')) {
        let answer = ask(&bench, &own, route, &theirs.filled(route)).await;
        assert_ne!(answer.status, 404, "{} {} was there all along: {answer:?}", route.method, route.path);
    }
}
