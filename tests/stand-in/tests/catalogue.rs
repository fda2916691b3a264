use iterable_stand_in::{Media, MessageTypeShape, OptIn, ProjectType, Switches};
use reqwest::Method;
use serde_json::{Value, json};

use crate::service::{Service, prompt};

#[tokio::test]
async fn a_fresh_project_has_the_recorded_channels_and_message_types() {
    let switches = Switches { message_type_shape: MessageTypeShape::WithoutPolicy, ..prompt() };
    let service = Service::start(ProjectType::Email, switches).await;
    let recorded = r#"{"channels":[{"id":6540,"name":"Transactional Channel","channelType":"Transactional","messageMedium":"Email"},{"id":6541,"name":"Push Marketing Channel","channelType":"Marketing","messageMedium":"Push"},{"id":6539,"name":"Marketing Channel","channelType":"Marketing","messageMedium":"Email"}]}"#;
    assert_eq!(
        service.get("/api/channels?limit=1").await.json(),
        serde_json::from_str::<serde_json::Value>(recorded).unwrap()
    );
    let recorded = r#"{"messageTypes":[{"id":7091,"name":"Push Marketing Message","channelId":6541},{"id":7090,"name":"Transactional Message","channelId":6540},{"id":7089,"name":"Marketing Message","channelId":6539}]}"#;
    assert_eq!(
        service.get("/api/messageTypes").await.json(),
        serde_json::from_str::<serde_json::Value>(recorded).unwrap()
    );
}

#[tokio::test]
async fn message_types_carry_their_policy_and_long_times() {
    let switches = Switches { opt_in: OptIn::On, media: Media::Many, ..prompt() };
    let service = Service::start(ProjectType::Email, switches).await;
    let types = service.get("/api/messageTypes").await.json();
    let news =
        types["messageTypes"].as_array().unwrap().iter().find(|found| found["id"] == 7092).unwrap().clone();
    assert_eq!(
        (news["subscriptionPolicy"].clone(), news["channelId"].clone()),
        (json!("OptIn"), json!(6539))
    );
    assert!(news["createdAt"].as_i64().unwrap() > i64::from(i32::MAX));
    let channels = service.get("/api/channels").await.text;
    assert!(channels.contains("InApp") && channels.contains("WhatsApp") && channels.contains("SMS"));
}

#[tokio::test]
async fn lists_hold_those_who_joined_them() {
    let service = Service::start(ProjectType::Email, prompt()).await;
    let body = json!({"listId": 56545, "subscribers": [{"email": "ada@example.com"}]});
    let answer = service.post("/api/lists/subscribe", body.clone()).await;
    let counted = json!({"successCount": 1, "failCount": 0, "invalidEmails": [], "invalidUserIds": []});
    assert_eq!((answer.status, answer.json()), (200, counted.clone()));
    let users = service.get("/api/lists/getUsers?listId=56545").await;
    assert_eq!(
        (users.content_type.as_str(), users.text.as_str()),
        ("text/plain; charset=utf-8", "ada@example.com\n")
    );
    for _ in 0..2 {
        assert_eq!(service.post("/api/lists/unsubscribe", body.clone()).await.json(), counted);
    }
    assert_eq!(service.get("/api/lists/getUsers?listId=56545").await.text, "");
    let sources: Vec<Value> = service
        .stand_in
        .deliveries()
        .iter()
        .map(|delivery| json!([delivery.body["eventName"], delivery.body["dataFields"]["unsubSource"]]))
        .collect();
    assert_eq!(sources, [json!(["emailSubscribe", null]), json!(["emailUnSubscribe", "ListAPI"])]);
    let unknown = service.get("/api/lists/getUsers?listId=42").await;
    let recorded =
        r#"{"msg":"Invalid email list id","code":"BadParams","params":{"listId":"42","projectId":"2158"}}"#;
    assert_eq!(unknown.said(), (400, recorded));
    let unknown =
        service.post("/api/lists/subscribe", json!({"listId": 999_999_999, "subscribers": []})).await;
    assert_eq!(unknown.json()["successCount"], 0);
    let unknown = json!({"listId": 999_999_999, "subscribers": [{"email": "ada@example.com"}]});
    let recorded = r#"{"msg":"error.lists.invalidListId(999999999)","code":"Success","params":{"listId":999999999,"projectId":2158}}"#;
    assert_eq!(service.post("/api/lists/subscribe", unknown).await.said(), (400, recorded));
}

#[tokio::test]
async fn what_is_no_route_is_a_page() {
    let service = Service::start(ProjectType::Email, prompt()).await;
    for (method, path) in [
        (Method::POST, "/api/users/getFields"),
        (Method::DELETE, "/api/lists/"),
        (Method::POST, "/api/webhooks/1"),
    ] {
        let answer = service.send(method, path, None).await;
        assert_eq!((answer.status, answer.content_type.as_str()), (404, "text/html; charset=utf-8"));
        assert!(answer.text.contains("<title>Action not found</title>"), "{}", answer.text);
    }
}
