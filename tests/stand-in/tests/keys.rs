use iterable_stand_in::{BadBody, BadKey, DataCentre, KeyKind, ProjectType, StandIn, Switches, TooLarge};
use reqwest::Method;
use serde_json::{Value, json};

use crate::service::{Service, client, prompt};

const POST: Method = Method::POST;
const GET: Method = Method::GET;

#[tokio::test]
async fn a_wrong_or_missing_key_is_refused_with_address_and_endpoint() {
    for (bad_key, wanted) in [
        (
            BadKey::BadApiKey,
            r#"{"msg":"Invalid API key","code":"BadApiKey","params":{"endpoint":"/api/events/trackBulk","ip":"127.0.0.1"}}"#,
        ),
        (
            BadKey::Success,
            r#"{"msg":"Invalid API key","code":"Success","params":{"endpoint":"/api/events/trackBulk"}}"#,
        ),
    ] {
        let service = Service::start(ProjectType::Email, Switches { bad_key, ..prompt() }).await;
        let answer = service.send_with("wrong", (POST, "/api/events/trackBulk"), None).await;
        assert_eq!(answer.said(), (401, wanted));
    }
}

#[tokio::test]
async fn the_key_may_come_in_either_header_and_any_case() {
    let service = Service::start(ProjectType::Email, prompt()).await;
    for (header, status) in
        [("Api-Key", 200), ("Api_Key", 200), ("api_key", 200), ("API-KEY", 200), ("X-Key", 401)]
    {
        let request = service.client.get(service.stand_in.url() + "/api/channels");
        let answer = request.header(header, service.stand_in.api_key()).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{header}");
    }
}

#[tokio::test]
async fn a_weak_key_may_do_little() {
    let service = Service::start(ProjectType::Email, prompt()).await;
    let read_only = service.stand_in.api_key_of(KeyKind::ReadOnly);
    let mobile = service.stand_in.api_key_of(KeyKind::Mobile);
    let ada = json!({"email": "ada@example.com"});
    for (key, method, path, status) in [
        (read_only, GET, "/api/channels", 200),
        (read_only, GET, "/api/lists", 200),
        (read_only, POST, "/api/users/update", 401),
        (read_only, GET, "/api/webhooks", 401),
        (mobile, POST, "/api/users/update", 200),
        (mobile, POST, "/api/users/updateSubscriptions", 200),
        (mobile, GET, "/api/channels", 401),
        (mobile, POST, "/api/users/forget", 401),
        (mobile, POST, "/api/users/merge", 403),
    ] {
        let body = (method == POST).then_some(&ada);
        assert_eq!(service.send_with(key, (method, path), body).await.status, status, "{path}");
    }
    let answer = service.send_with(read_only, (POST, "/api/users/forget"), Some(&ada)).await;
    let wanted = json!({
        "msg": "Disabled API key or insufficient privileges",
        "code": "BadApiKey",
        "params": {
            "ip": "127.0.0.1",
            "endpoint": "/api/users/forget",
            "apiKeyIdentifier": read_only[..8],
            "apiKeyType": "ServerSide",
        },
    });
    assert_eq!((answer.status, answer.json()), (401, wanted));
    assert!(!service.stand_in.is_forgotten("ada@example.com"));
}

#[tokio::test]
async fn a_key_counts_in_its_own_data_centre_alone() {
    let stand_in = StandIn::builder().data_centre(DataCentre::Eu).start().await.unwrap();
    for (host, status) in [("api.eu.iterable.com", 200), ("api.iterable.com", 401), ("localhost", 200)] {
        let request = client().get(stand_in.url() + "/api/channels").header("host", host);
        let answer = request.header("api-key", stand_in.api_key()).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{host}");
    }
}

#[tokio::test]
async fn a_malformed_body_is_reported_in_every_known_form() {
    let body = json!({"users": [{"email": "ada@example.com"}, {"preferUserId": "yes"}]});
    for bad_body in [BadBody::Short, BadBody::Echo2022, BadBody::Echo2017] {
        let service = Service::start(ProjectType::Email, Switches { bad_body, ..prompt() }).await;
        let answer = service.post("/api/users/bulkUpdate", body.clone()).await;
        let said = answer.json();
        assert_eq!((answer.status, said["code"].clone()), (400, json!("BadJsonBody")));
        let msg = said["msg"].as_str().unwrap();
        let params = &said["params"]["obj.users[1].preferUserId"];
        let (echoed, wanted) = match bad_body {
            BadBody::Short => (false, json!("Boolean value expected")),
            BadBody::Echo2022 => (true, json!([{"msg": ["error.expected.jsboolean"], "args": []}])),
            BadBody::Echo2017 => (true, json!([{"msg": "error.expected.jsboolean", "args": []}])),
        };
        assert_eq!(*params, wanted);
        assert_eq!(
            msg.contains("ada@example.com") && msg.contains(service.stand_in.api_key()),
            echoed,
            "{msg}"
        );
        if bad_body == BadBody::Short {
            assert_eq!(msg, "[/api/users/bulkUpdate] Invalid JSON body");
        }
    }
    let service = Service::start(ProjectType::Email, prompt()).await;
    let url = service.stand_in.url() + "/api/users/forget";
    let request = service.client.post(url).header("api-key", service.stand_in.api_key()).body("{email");
    let said: Value = serde_json::from_str(&request.send().await.unwrap().text().await.unwrap()).unwrap();
    assert_eq!(
        said,
        json!({"msg": "[/api/users/forget] Invalid JSON body", "code": "BadJsonBody", "params": null})
    );
}

#[tokio::test]
async fn a_body_over_four_megabytes_is_refused() {
    for (too_large, status) in [(TooLarge::Status400, 400), (TooLarge::Status413, 413)] {
        let service = Service::start(ProjectType::Email, Switches { too_large, ..prompt() }).await;
        let body = json!({"users": [], "filler": "x".repeat(4_000_000)});
        let answer = service.post("/api/users/bulkUpdate", body).await;
        assert_eq!((answer.status, answer.json()["code"].clone()), (status, json!("BatchTooLarge")));
    }
}
