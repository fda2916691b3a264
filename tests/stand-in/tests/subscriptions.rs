use iterable_stand_in::{
    EventGrouping, NotAllowed, OptIn, ProjectType, Subscriptions, SubscriptionsApi, Switches, UnknownItem,
    UnknownSubscriber,
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::service::{SUCCESS, Service, prompt};

const ADA: &str = "ada@example.com";

fn out_of(channels: &[i64]) -> Subscriptions {
    Subscriptions { unsubscribed_channels: channels.to_vec(), ..Subscriptions::default() }
}

async fn events(service: &Service, count: usize) -> Vec<Value> {
    let mut events = Vec::new();
    for _ in 0..count {
        events.push(service.stand_in.next_delivery().await.body);
    }
    assert_eq!(service.stand_in.deliveries().len(), count);
    events
}

#[tokio::test]
async fn given_arrays_are_replaced_and_others_left() {
    let service = Service::start(ProjectType::Email, prompt()).await;
    let before = Subscriptions { lists: vec![1], unsubscribed_message_types: vec![7089], ..out_of(&[6541]) };
    service.stand_in.seed(ADA, Some(before.clone()));
    let body =
        json!({"email": ADA, "unsubscribedChannelIds": [6539, 6539], "unsubscribedMessageTypeIds": null});
    assert_eq!(service.post("/api/users/updateSubscriptions", body).await.said(), (200, SUCCESS));
    let after = Subscriptions { unsubscribed_channels: vec![6539, 6539], ..before };
    assert_eq!(service.stand_in.subscriptions(ADA), Some(after));
    let events = events(&service, 2).await;
    assert_eq!(events[0]["eventName"], "emailSubscribe");
    assert_eq!(events[0]["dataFields"]["signupSource"], "UpdateSubscriptionsAPI");
    assert_eq!(events[0]["dataFields"]["channelIds"], json!([6541]));
    assert_eq!(events[1]["eventName"], "emailUnSubscribe");
    assert_eq!(events[1]["dataFields"]["unsubSource"], "API");
    assert_eq!(events[1]["dataFields"]["channelIds"], json!([6539]));
    assert_eq!(events[1]["dataFields"]["messageTypeIds"], json!([]));
}

#[tokio::test]
async fn two_who_read_and_write_lose_an_update() {
    let service = Service::start(ProjectType::Email, prompt()).await;
    service.stand_in.seed(ADA, None);
    for channel in [6539, 6541] {
        let body = json!({"email": ADA, "unsubscribedChannelIds": [channel]});
        service.post("/api/users/updateSubscriptions", body).await;
    }
    assert_eq!(service.stand_in.subscriptions(ADA), Some(out_of(&[6541])));
}

#[tokio::test]
async fn an_unknown_person_is_made_by_address() {
    let service = Service::start(ProjectType::Hybrid, prompt()).await;
    let answer = service.post("/api/users/updateSubscriptions", json!({"email": ADA})).await;
    assert_eq!(answer.said(), (200, SUCCESS));
    assert_eq!(service.stand_in.subscriptions(ADA), Some(Subscriptions::default()));
    let by_id = json!({"userId": "u-1", "unsubscribedChannelIds": [6539]});
    let unknown = r#"{"msg":"User does not exist. Email:  UserId: u-1","code":"BadParams","params":null}"#;
    assert_eq!(service.post("/api/users/updateSubscriptions", by_id.clone()).await.said(), (400, unknown));
    let switches = Switches { unknown_subscriber: UnknownSubscriber::Created, ..prompt() };
    let service = Service::start(ProjectType::Hybrid, switches).await;
    assert_eq!(service.post("/api/users/updateSubscriptions", by_id).await.said(), (200, SUCCESS));
    assert_eq!(service.stand_in.subscriptions("u-1"), Some(out_of(&[6539])));
}

#[tokio::test]
async fn opt_in_types_need_the_feature() {
    let body = json!({"email": ADA, "subscribedMessageTypeIds": [7092]});
    for (not_allowed, code) in
        [(NotAllowed::BadParams, "BadParams"), (NotAllowed::GenericError, "GenericError")]
    {
        let service = Service::start(ProjectType::Email, Switches { not_allowed, ..prompt() }).await;
        let answer = service.post("/api/users/updateSubscriptions", body.clone()).await;
        assert_eq!((answer.status, answer.json()["code"].clone()), (400, json!(code)));
        assert!(service.stand_in.person(ADA).is_none());
    }
    let service = Service::start(ProjectType::Email, Switches { opt_in: OptIn::On, ..prompt() }).await;
    assert_eq!(service.post("/api/users/updateSubscriptions", body).await.said(), (200, SUCCESS));
    let event = &events(&service, 1).await[0];
    assert_eq!(event["dataFields"]["messageTypeIds"], json!([7092]));
}

#[tokio::test]
async fn joining_a_type_of_a_channel_that_is_out_needs_leave() {
    let service = Service::start(ProjectType::Email, prompt()).await;
    let before = Subscriptions { unsubscribed_message_types: vec![7089], ..out_of(&[6539]) };
    service.stand_in.seed(ADA, Some(before.clone()));
    let mut body = json!({"email": ADA, "unsubscribedMessageTypeIds": []});
    assert_eq!(service.post("/api/users/updateSubscriptions", body.clone()).await.status, 400);
    assert_eq!(service.stand_in.subscriptions(ADA), Some(before));
    body["validateChannelAlignment"] = json!(false);
    assert_eq!(service.post("/api/users/updateSubscriptions", body).await.said(), (200, SUCCESS));
    assert_eq!(service.stand_in.subscriptions(ADA), Some(out_of(&[6539])));
}

#[tokio::test]
async fn unknown_items_are_stored_or_refused() {
    let body = json!({"email": ADA, "unsubscribedChannelIds": [1]});
    let service = Service::start(ProjectType::Email, prompt()).await;
    assert_eq!(service.post("/api/users/updateSubscriptions", body.clone()).await.said(), (200, SUCCESS));
    let switches = Switches { unknown_item: UnknownItem::Refused, ..prompt() };
    let service = Service::start(ProjectType::Email, switches).await;
    assert_eq!(service.post("/api/users/updateSubscriptions", body).await.status, 400);
}

#[tokio::test]
async fn the_additive_api_is_off_until_it_is_enabled() {
    let path = "/api/subscriptions/messageChannel/6539/user/ada%2Bnews%40example.com";
    for (subscriptions_api, wanted) in [
        (SubscriptionsApi::Off, (404, r#"{"code":"NotFound","msg":"Endpoint not found for project: 2158"}"#)),
        (SubscriptionsApi::Success, (200, SUCCESS)),
        (SubscriptionsApi::Accepted, (200, r#"{"msg":"","code":"Accepted","params":null}"#)),
        (SubscriptionsApi::Empty202, (202, "")),
    ] {
        let service = Service::start(ProjectType::Email, Switches { subscriptions_api, ..prompt() }).await;
        assert_eq!(service.send(Method::DELETE, path, None).await.said(), wanted);
        let changed = (subscriptions_api != SubscriptionsApi::Off).then(|| out_of(&[6539]));
        assert_eq!(service.stand_in.subscriptions("ada+news@example.com"), changed);
    }
}

#[tokio::test]
async fn the_additive_api_moves_one_and_keeps_the_rest() {
    let switches = Switches { subscriptions_api: SubscriptionsApi::Success, opt_in: OptIn::On, ..prompt() };
    let service = Service::start(ProjectType::Hybrid, switches).await;
    service.stand_in.with_project(|project| project.seed(Some(ADA), Some("u-1"), Some(out_of(&[6541]))));
    let join = Method::PATCH;
    service.send(join.clone(), "/api/subscriptions/MESSAGETYPE/7092/byUserId/u-1", None).await;
    service.send(Method::DELETE, "/api/subscriptions/messageType/7089/user/ada%40example.com", None).await;
    let many = json!({"users": [ADA], "usersByUserId": ["u-1"]});
    let put = "/api/subscriptions/emailList/56545?action=subscribe";
    assert_eq!(service.send(Method::PUT, put, Some(&many)).await.said(), (200, SUCCESS));
    let wanted = Subscriptions {
        lists: vec![56545],
        unsubscribed_message_types: vec![7089],
        subscribed_message_types: vec![7092],
        ..out_of(&[6541])
    };
    assert_eq!(service.stand_in.subscriptions(ADA), Some(wanted));
    let events = events(&service, 3).await;
    assert_eq!(events[2]["dataFields"]["userListIds"], json!([56545]));
    let transactional = service.send(join, "/api/subscriptions/messageChannel/6540/byUserId/u-1", None).await;
    assert_eq!(transactional.status, 400);
}

#[tokio::test]
async fn each_item_may_have_its_own_event() {
    let switches = Switches { event_grouping: EventGrouping::PerItem, ..prompt() };
    let service = Service::start(ProjectType::Email, switches).await;
    let body =
        json!({"email": ADA, "unsubscribedChannelIds": [6539, 6541], "unsubscribedMessageTypeIds": [7089]});
    service.post("/api/users/updateSubscriptions", body).await;
    let events = events(&service, 3).await;
    let left: Vec<&Value> = events.iter().map(|event| &event["dataFields"]["channelIds"]).collect();
    assert_eq!(left, [&json!([6539]), &json!([6541]), &json!([])]);
}

#[tokio::test]
async fn many_are_counted_each_by_itself() {
    let service = Service::start(ProjectType::Email, prompt()).await;
    service.post("/api/users/forget", json!({"email": "bob@example.com"})).await;
    let requests = json!({"updateSubscriptionsRequests": [
        {"email": ADA}, {"email": "foo@"}, {"email": "bob@example.com"}, {"userId": "u-9"},
    ]});
    let answer = service.post("/api/users/bulkUpdateSubscriptions", requests).await;
    let wanted = json!({
        "successCount": 1,
        "failCount": 3,
        "invalidEmails": ["foo@"],
        "invalidUserIds": [],
        "validEmailFailures": ["bob@example.com"],
        "validUserIdFailures": ["u-9"],
    });
    assert_eq!((answer.status, answer.json()), (200, wanted));
}
