use std::time::Duration;

use iterable_stand_in::{
    Act, AuthType, Delivery, DeliveryFault, DeliveryRetry, EventShape, FIRST_WEBHOOK, Fault, Outcome,
    ProjectType, Subscriptions, Switches, TokenDelay, TokenHeader, UnsubSource,
};
use serde_json::{Value, json};

use crate::service::{Service, prompt};

const ADA: &str = "ada@example.com";
const LEAVE: Act = Act::UnsubscribeByLink { channel: 6539 };

/// Starts a stand-in whose webhook goes to a second one, which acts as the receiver.
async fn pair(switches: Switches) -> (Service, Service) {
    let receiver = Service::start(ProjectType::Email, prompt()).await;
    let service = Service::start(ProjectType::Hybrid, switches).await;
    let endpoint = receiver.stand_in.url() + "/hook?c={{campaignId}}&w={{undefined}}";
    service.stand_in.with_project(|project| {
        let webhook = project.webhook(FIRST_WEBHOOK);
        webhook.endpoint = endpoint;
        webhook.auth_type = AuthType::OAuth2;
        webhook.set_token("one");
        webhook.headers = vec![("X-Team".to_owned(), "privacy".to_owned())];
    });
    (service, receiver)
}

#[tokio::test]
async fn an_unsubscribe_by_link_is_delivered() {
    let (service, receiver) = pair(prompt()).await;
    receiver.stand_in.fault(Fault::Answer(200, json!({})), "POST /hook", 1);
    service.stand_in.seed(ADA, None);
    service.stand_in.clock().freeze_at("2026-03-20T23:34:15.9Z".parse().unwrap());
    service.stand_in.act(ADA, &LEAVE);
    let delivery = service.stand_in.next_delivery().await;
    assert_eq!(delivery.outcome, Outcome::Answered(200));
    let request = receiver.stand_in.take_requests().remove(0);
    assert_eq!((request.line().as_str(), request.query.as_str()), ("POST /hook", "c=1089024&w="));
    assert_eq!(request.header("authorization"), Some("OAuth2 one"));
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.header("x-team"), Some("privacy"));
    assert_eq!(request.bytes, delivery.body_bytes());
    let documented = json!({"email": ADA, "eventName": "emailUnSubscribe", "dataFields": {
        "campaignId": 1_089_024,
        "messageId": "bf008db8ab194b65816398c05bf30f99",
        "emailId": "c1089024:t1526112:ada@example.com",
        "workflowName": "My test workflow",
        "messageTypeIds": [],
        "locale": null,
        "templateId": 1_526_112,
        "emailSubject": "Upcoming events!",
        "labels": [],
        "unsubSource": "EmailLink",
        "createdAt": "2026-03-20 23:34:15 +00:00",
        "templateName": "My test template",
        "userListIds": [],
        "messageTypeId": 7089,
        "experimentId": null,
        "channelIds": [6539],
        "campaignName": "My test campaign",
        "workflowId": 76_786,
        "email": ADA,
        "channelId": 6539,
    }});
    assert_eq!(request.body, Some(documented));
    assert_eq!(service.stand_in.subscriptions(ADA).unwrap().unsubscribed_channels, [6539]);
}

/// Returns the events that an act triggers: their names and sources.
async fn made_by(act: Act) -> Vec<(String, Value)> {
    let service = Service::start(ProjectType::Email, prompt()).await;
    service
        .stand_in
        .seed(ADA, Some(Subscriptions { unsubscribed_channels: vec![6541], ..Default::default() }));
    service.stand_in.act(ADA, &act);
    let told = |delivery: &Delivery| {
        let fields = &delivery.body["dataFields"];
        let source =
            if fields["unsubSource"].is_null() { &fields["signupSource"] } else { &fields["unsubSource"] };
        (delivery.body["eventName"].as_str().unwrap().to_owned(), source.clone())
    };
    service.stand_in.deliveries().iter().map(told).collect()
}

#[tokio::test]
async fn each_act_makes_its_events() {
    let unsubscribed = |source: &str| ("emailUnSubscribe".to_owned(), json!(source));
    let plain = |name: &str| (name.to_owned(), Value::Null);
    let fields = serde_json::Map::new();
    for (act, wanted) in [
        (LEAVE, vec![unsubscribed("EmailLink")]),
        (Act::LeaveMessageTypeByLink { message_type: 7089 }, vec![unsubscribed("EmailLink")]),
        (Act::SubscribeByForm { list: 56545 }, vec![("emailSubscribe".to_owned(), json!("WebForm"))]),
        (Act::RejoinChannel { channel: 6541 }, vec![("emailSubscribe".to_owned(), json!("WebForm"))]),
        (Act::RejoinChannel { channel: 6539 }, vec![]),
        (Act::Complain { channel: 6539 }, vec![plain("emailComplaint"), unsubscribed("Complaint")]),
        (Act::HardBounce { channel: 6539 }, vec![plain("emailBounce"), unsubscribed("HardBounce")]),
        (Act::ClickUnsubscribe { channel: 6539, message_type: 7089 }, vec![plain("hostedUnsubscribeClick")]),
        (Act::StopBySms { channel: 6542 }, vec![plain("smsReceived"), unsubscribed("SMS")]),
        (Act::EditedOut { channel: 6539 }, vec![unsubscribed("WebApp")]),
        (Act::LeftByJourney { channel: 6539 }, vec![unsubscribed("Workflow")]),
        (Act::ImportedOut { channel: 6539 }, vec![unsubscribed("Import")]),
        (
            Act::Imported { list: 56545, fields: fields.clone() },
            vec![("emailSubscribe".to_owned(), json!("Import"))],
        ),
        (Act::Other { event: "pushUninstall".to_owned(), fields }, vec![plain("pushUninstall")]),
    ] {
        assert_eq!(made_by(act.clone()).await, wanted, "{act:?}");
    }
}

#[tokio::test]
async fn a_token_is_carried_in_every_known_form() {
    for (token_header, wanted) in [
        (TokenHeader::Oauth2, Some("OAuth2 one")),
        (TokenHeader::Bearer, Some("Bearer one")),
        (TokenHeader::Bare, Some("one")),
        (TokenHeader::Basic, Some("Basic one")),
        (TokenHeader::Absent, None),
    ] {
        let (service, receiver) = pair(Switches { token_header, ..prompt() }).await;
        service.stand_in.act(ADA, &LEAVE);
        assert_eq!(service.stand_in.next_delivery().await.header("authorization"), wanted);
        assert_eq!(receiver.stand_in.take_requests()[0].header("authorization"), wanted);
    }
}

#[tokio::test]
async fn a_new_token_is_carried_after_a_while() {
    let (service, _receiver) = pair(Switches { token_delay: TokenDelay::OneMinute, ..prompt() }).await;
    service.stand_in.clock().freeze();
    service.post("/api/webhooks", json!({"id": FIRST_WEBHOOK, "authToken": "two"})).await;
    for (act, passed, wanted) in
        [(LEAVE, 59, "OAuth2 one"), (Act::RejoinChannel { channel: 6539 }, 1, "OAuth2 two")]
    {
        service.stand_in.clock().advance(Duration::from_secs(passed));
        service.stand_in.act(ADA, &act);
        assert_eq!(service.stand_in.next_delivery().await.header("authorization"), Some(wanted));
    }
}

#[tokio::test]
async fn events_come_in_every_known_shape() {
    for shape in [
        EventShape::UserIdOnly,
        EventShape::OnlyInDataFields,
        EventShape::WithoutMessageTypeIds,
        EventShape::ExtraFields,
        EventShape::UpperCaseEmail,
        EventShape::NumbersAsText,
        EventShape::IsoTime,
        EventShape::NullTime,
        EventShape::OtherCase,
    ] {
        let service = Service::start(ProjectType::Hybrid, Switches { event_shape: shape, ..prompt() }).await;
        service.stand_in.with_project(|project| project.seed(Some(ADA), Some("u-1"), None));
        service.stand_in.act(ADA, &LEAVE);
        let event = service.stand_in.next_delivery().await.body;
        let fields = &event["dataFields"];
        let fits = match shape {
            EventShape::UserIdOnly => {
                event["email"].is_null() && event["userId"] == "u-1" && fields["email"].is_null()
            }
            EventShape::OnlyInDataFields => event.as_object().unwrap().len() == 2 && fields["email"] == ADA,
            EventShape::WithoutMessageTypeIds => fields.get("messageTypeIds").is_none(),
            EventShape::ExtraFields => fields["vip"] == true && fields["tags"].is_array(),
            EventShape::UpperCaseEmail => event["email"] == "ADA@EXAMPLE.COM",
            EventShape::NumbersAsText => fields["channelIds"] == json!(["6539"]),
            EventShape::IsoTime => fields["createdAt"].as_str().unwrap().ends_with('Z'),
            EventShape::NullTime => fields["createdAt"].is_null() && fields.get("createdAt").is_some(),
            EventShape::OtherCase => event["eventName"] == "emailunsubscribe",
            EventShape::Full => false,
        };
        assert!(fits, "{shape:?}: {event}");
    }
}

#[tokio::test]
async fn leaving_a_list_names_it_and_the_reason() {
    for (source, word) in
        [(UnsubSource::EmailLink, "EmailLink"), (UnsubSource::ListApi, "ListAPI"), (UnsubSource::Sms, "SMS")]
    {
        for (kind, field) in [(ProjectType::Email, "emailListIds"), (ProjectType::Hybrid, "userListIds")] {
            let service = Service::start(kind, prompt()).await;
            let on_list = Subscriptions { lists: vec![56545], ..Subscriptions::default() };
            service.stand_in.seed(ADA, Some(on_list));
            service.stand_in.act(ADA, &Act::LeaveList { list: 56545, source });
            let event = service.stand_in.next_delivery().await.body;
            assert_eq!(event["eventName"], "emailUnSubscribe");
            let fields = &event["dataFields"];
            assert_eq!((&fields[field], &fields["unsubSource"]), (&json!([56545]), &json!(word)));
            assert_eq!(service.stand_in.subscriptions(ADA).unwrap().lists, [0; 0]);
        }
    }
}

#[tokio::test]
async fn a_body_is_delivered_as_it_is() {
    let service = Service::start(ProjectType::Email, prompt()).await;
    for (body, bytes) in
        [(json!({"eventName": 7}), r#"{"eventName":7}"#), (json!("\u{feff}{}"), "\u{feff}{}")]
    {
        service.stand_in.deliver(&body);
        assert_eq!(service.stand_in.next_delivery().await.body_bytes(), bytes.as_bytes());
    }
}

/// Returns the channels in the next `count` deliveries, in order of arrival.
async fn arrivals(service: &Service, count: usize) -> Vec<Value> {
    let mut told = Vec::new();
    for _ in 0..count {
        told.push(service.stand_in.next_delivery().await.body["dataFields"]["channelIds"][0].clone());
    }
    told
}

#[tokio::test]
async fn deliveries_meet_every_fault() {
    let two = [Act::EditedOut { channel: 6539 }, Act::EditedOut { channel: 6541 }];
    for (delivery_fault, passed, wanted) in [
        (DeliveryFault::None, 0, json!([6539, 6541])),
        (DeliveryFault::Duplicate, 0, json!([6539, 6539, 6541, 6541])),
        (DeliveryFault::Reorder, 60, json!([6541, 6539])),
        (DeliveryFault::Late, 300, json!([6539, 6541])),
        (DeliveryFault::Drop, 0, json!([6539, 6541])),
    ] {
        let (service, receiver) = pair(Switches { delivery_fault, ..prompt() }).await;
        service.stand_in.clock().freeze();
        for act in &two {
            service.stand_in.act(ADA, act);
        }
        if delivery_fault == DeliveryFault::Late {
            let waiting = service.stand_in.deliveries();
            assert!(waiting.iter().all(|delivery| delivery.outcome == Outcome::Waiting), "{waiting:?}");
        }
        service.stand_in.clock().advance(Duration::from_secs(passed));
        let wanted = wanted.as_array().unwrap().clone();
        assert_eq!(arrivals(&service, wanted.len()).await, wanted, "{delivery_fault:?}");
        let lost = delivery_fault == DeliveryFault::Drop;
        assert_eq!(receiver.stand_in.requests().len(), if lost { 0 } else { wanted.len() });
    }
}

#[tokio::test]
async fn what_is_refused_may_be_tried_again() {
    let (service, receiver) = pair(Switches { delivery_retry: DeliveryRetry::Thrice, ..prompt() }).await;
    receiver.stand_in.fault(Fault::Gateway(503), "POST /hook", 2);
    receiver.stand_in.fault(Fault::Answer(200, json!({})), "POST /hook", 1);
    service.stand_in.clock().freeze();
    service.stand_in.act(ADA, &LEAVE);
    for (attempt, outcome) in
        [(1, Outcome::Answered(503)), (2, Outcome::Answered(503)), (3, Outcome::Answered(200))]
    {
        let delivery = service.stand_in.next_delivery().await;
        assert_eq!((delivery.attempt, delivery.outcome), (attempt, outcome));
        service.stand_in.clock().advance(Duration::from_secs(10));
    }
    assert_eq!(service.stand_in.deliveries().len(), 3);
}

#[tokio::test]
async fn deliveries_are_kept_if_no_receiver_listens_and_nothing_leaves_the_machine() {
    let service = Service::start(ProjectType::Email, prompt()).await;
    service.stand_in.act(ADA, &LEAVE);
    let delivery = service.stand_in.next_delivery().await;
    assert_eq!(
        (delivery.outcome, delivery.url.as_str()),
        (Outcome::Kept, "https://hooks.example.com/iterable")
    );
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    service
        .stand_in
        .with_project(|project| project.webhook(FIRST_WEBHOOK).endpoint = format!("http://{closed}/"));
    service.stand_in.act(ADA, &Act::RejoinChannel { channel: 6539 });
    assert_eq!(service.stand_in.next_delivery().await.outcome, Outcome::Unanswered);
}

#[tokio::test]
async fn an_event_that_is_not_ticked_or_a_webhook_that_is_off_delivers_nothing() {
    let service = Service::start(ProjectType::Email, prompt()).await;
    service.stand_in.with_project(|project| project.webhook(FIRST_WEBHOOK).events.remove("emailUnSubscribe"));
    service.stand_in.act(ADA, &LEAVE);
    service.stand_in.with_project(|project| project.webhook(FIRST_WEBHOOK).enabled = false);
    service.stand_in.act(ADA, &Act::Complain { channel: 6541 });
    assert!(service.stand_in.deliveries().is_empty());
}

#[tokio::test]
async fn a_delivery_on_its_way_is_shown() {
    let (service, receiver) = pair(prompt()).await;
    receiver.stand_in.fault(Fault::Hang, "POST /hook", 1);
    service.stand_in.act(ADA, &LEAVE);
    receiver.stand_in.requests_once(1).await;
    let shown = service.stand_in.deliveries();
    assert_eq!((shown.len(), &shown[0].outcome), (1, &Outcome::Waiting));
}
