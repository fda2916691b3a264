use iterable_stand_in::{AuthType, FIRST_WEBHOOK, PlainEndpoint, ProjectType, Switches, UnknownWebhook};
use serde_json::json;

use crate::service::{Service, prompt};

#[tokio::test]
async fn a_webhook_shows_neither_token_nor_headers_nor_events() {
    let service = Service::start(ProjectType::Email, prompt()).await;
    let change = json!({
        "id": FIRST_WEBHOOK,
        "authType": "OAuth2",
        "authToken": "secret-token",
        "headers": [{"key": "X-Team", "value": "privacy"}],
    });
    let wanted = json!({
        "id": FIRST_WEBHOOK,
        "authType": "OAuth2",
        "blastSendEnabled": true,
        "enabled": true,
        "endpoint": "https://hooks.example.com/iterable",
        "triggeredSendEnabled": true,
        "channelIds": [],
        "messageTypeIds": [],
    });
    let answer = service.post("/api/webhooks", change).await;
    assert_eq!((answer.status, answer.json()), (200, wanted.clone()));
    assert_eq!(service.get("/api/webhooks").await.json(), json!({"webhooks": [wanted]}));
}

#[tokio::test]
async fn only_the_given_fields_change() {
    let service = Service::start(ProjectType::Email, prompt()).await;
    service
        .post("/api/webhooks", json!({"id": FIRST_WEBHOOK, "authType": "OAuth2", "authToken": "one"}))
        .await;
    service.post("/api/webhooks", json!({"id": FIRST_WEBHOOK, "authToken": "two", "enabled": false})).await;
    let webhook = service.stand_in.with_project(|project| project.webhook(FIRST_WEBHOOK).clone());
    assert_eq!(
        (webhook.auth_type, webhook.newest_token(), webhook.enabled),
        (AuthType::OAuth2, Some("two"), false)
    );
    assert_eq!(webhook.endpoint, "https://hooks.example.com/iterable");
}

#[tokio::test]
async fn an_invalid_change_is_refused_with_what_is_wrong() {
    let service = Service::start(ProjectType::Email, prompt()).await;
    let missing = service.post("/api/webhooks", json!({"authToken": "t"})).await;
    let told = r#"{"msg":"[/api/webhooks] Invalid JSON body","code":"BadJsonBody","params":{"obj.id":"Value is missing"}}"#;
    assert_eq!(missing.said(), (400, told));
    let word = service.post("/api/webhooks", json!({"id": FIRST_WEBHOOK, "authType": "none"})).await;
    let told = r#"{"msg":"[/api/webhooks] Invalid JSON body","code":"BadJsonBody","params":{"obj.authType":"Unknown value"}}"#;
    assert_eq!(word.said(), (400, told));
    let plain = json!({"id": FIRST_WEBHOOK, "endpoint": "http://127.0.0.1:9/"});
    assert_eq!(service.post("/api/webhooks", plain.clone()).await.json()["code"], "BadParams");
    let unknown = json!({"id": 1, "authToken": "t"});
    assert_eq!(service.post("/api/webhooks", unknown.clone()).await.status, 400);

    let switches = Switches {
        plain_endpoint: PlainEndpoint::Loopback,
        unknown_webhook: UnknownWebhook::NotFound,
        ..prompt()
    };
    let service = Service::start(ProjectType::Email, switches).await;
    assert_eq!(service.post("/api/webhooks", plain).await.status, 200);
    let elsewhere = json!({"id": FIRST_WEBHOOK, "endpoint": "http://192.0.2.1/"});
    assert_eq!(service.post("/api/webhooks", elsewhere).await.status, 400);
    assert_eq!(service.post("/api/webhooks", unknown).await.status, 404);
}
