use std::time::Duration;

use iterable_stand_in::{BadBody, Fault, ProjectType, Switches};
use serde_json::json;

use crate::service::{SUCCESS, Service, prompt};

const FORGET: &str = "/api/users/forget";

async fn service() -> Service {
    Service::start(ProjectType::Email, prompt()).await
}

#[tokio::test]
async fn a_fault_occurs_once_and_only_on_its_planned_route() {
    let service = service().await;
    let ada = json!({"email": "ada@example.com"});
    service.stand_in.fault(Fault::InternalError("DatabaseError".to_owned()), "POST /api/users/forget", 1);
    assert_eq!(service.get("/api/channels").await.status, 200);
    let answer = service.post(FORGET, ada.clone()).await;
    assert_eq!((answer.status, answer.json()["code"].clone()), (500, json!("DatabaseError")));
    assert!(!service.stand_in.is_forgotten("ada@example.com"));
    assert_eq!(service.post(FORGET, ada).await.said(), (200, SUCCESS));
    let lines: Vec<String> =
        service.stand_in.take_requests().iter().map(iterable_stand_in::Received::line).collect();
    assert_eq!(lines, ["GET /api/channels", "POST /api/users/forget", "POST /api/users/forget"]);
    assert!(service.stand_in.requests().is_empty());
}

#[tokio::test]
async fn answers_that_mislead_are_given() {
    let service = service().await;
    let ada = json!({"email": "ada@example.com"});
    for (fault, status, body) in [
        (Fault::Gateway(502), 502, "502 Bad Gateway"),
        (Fault::OtherCode("GenericError".to_owned()), 200, r#""code":"GenericError""#),
        (Fault::BadSuccess, 400, r#""code":"Success""#),
        (Fault::RateLimited, 429, "RateLimitExceeded"),
        (Fault::Redirect("http://192.0.2.1/".to_owned()), 302, ""),
        (Fault::Answer(418, json!({"tea": true})), 418, "tea"),
    ] {
        service.stand_in.fault(fault.clone(), "POST *", 1);
        let answer = service.post(FORGET, ada.clone()).await;
        assert_eq!(answer.status, status, "{fault:?}");
        assert!(answer.text.contains(body), "{fault:?}: {}", answer.text);
        assert!(!service.stand_in.is_forgotten("ada@example.com"), "{fault:?}");
    }
}

#[tokio::test]
async fn a_write_may_be_carried_out_and_its_answer_spoilt() {
    for (fault, length) in
        [(Fault::Empty, 0), (Fault::Garbage, 9), (Fault::Huge(1 << 20), 1 << 20), (Fault::Deep(5000), 10_000)]
    {
        let service = service().await;
        service.stand_in.fault(fault.clone(), "*", 1);
        let url = service.stand_in.url() + FORGET;
        let request = service.client.post(url).header("api-key", service.stand_in.api_key());
        let answer = request.body(r#"{"email":"ada@example.com"}"#).send().await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), answer.bytes().await.unwrap().len()),
            (200, length),
            "{fault:?}"
        );
        assert!(service.stand_in.is_forgotten("ada@example.com"), "{fault:?}");
    }
}

#[tokio::test]
async fn a_connection_may_end_or_hang_before_or_after_the_write() {
    for (fault, done) in [
        (Fault::Reset, false),
        (Fault::ResetAfterWrite, true),
        (Fault::Hang, false),
        (Fault::HangAfterWrite, true),
    ] {
        let service = service().await;
        service.stand_in.fault(fault.clone(), "*", 1);
        let url = service.stand_in.url() + FORGET;
        let request = service.client.post(url).header("api-key", service.stand_in.api_key());
        let request = request.timeout(Duration::from_millis(300)).body(r#"{"email":"ada@example.com"}"#);
        let error = request.send().await.unwrap_err();
        assert_eq!(error.is_timeout(), matches!(fault, Fault::Hang | Fault::HangAfterWrite), "{fault:?}");
        assert_eq!(service.stand_in.is_forgotten("ada@example.com"), done, "{fault:?}");
    }
}

#[tokio::test]
async fn a_sound_request_may_be_refused_with_its_echo() {
    let service =
        Service::start(ProjectType::Email, Switches { bad_body: BadBody::Echo2022, ..prompt() }).await;
    service.stand_in.fault(Fault::BadBody, "POST /api/users/*", 1);
    let answer = service.post(FORGET, json!({"email": "ada@example.com"})).await.json();
    let msg = answer["msg"].as_str().unwrap();
    assert!(msg.contains("ada@example.com") && msg.contains(service.stand_in.api_key()), "{msg}");
}
