use std::time::{Duration, Instant};

use iterable_stand_in::{
    ForgetAgain, ForgetDelay, ForgetReach, ForgetUnknown, ForgottenStatus, HashEncoding, LimitBody,
    ProjectType, RateLimits, ReadLag, RetryAfter, SubscriptionsApi, Switches, UserIdLag,
};
use reqwest::Method;
use serde_json::json;

use crate::service::{SUCCESS, Service, prompt};

const UNKNOWN: &str = r#"{"msg":"User does not exist","code":"BadParams","params":null}"#;
const FORGOTTEN: &str = r#"{"msg":"Contact is GDPR forgotten","code":"ForgottenUserError","params":null}"#;

#[tokio::test]
async fn forgetting_answers_as_recorded_and_takes_effect_later() {
    let switches = Switches { forget_delay: ForgetDelay::TenMinutes, ..prompt() };
    let service = Service::start(ProjectType::Email, switches).await;
    service.stand_in.seed("ada@example.com", None);
    for _ in 0..3 {
        let answer = service.post("/api/users/forget", json!({"email": "ada@example.com"})).await;
        assert_eq!(answer.said(), (200, SUCCESS));
    }
    service.stand_in.clock().advance(Duration::from_secs(590));
    assert!(service.stand_in.person("ada@example.com").is_some());
    assert_eq!(service.get("/api/users/forgotten").await.text, r#"{"hashedEmails":[]}"#);
    service.stand_in.clock().advance(Duration::from_secs(10));
    assert!(service.stand_in.person("ada@example.com").is_none());
    assert_eq!(service.get("/api/users/ada%40example.com").await.said(), (200, "{}"));
    let hashes = service.get("/api/users/forgotten").await.json();
    assert_eq!(hashes["hashedEmails"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn reads_lag_behind_the_forgetting_and_not_behind_the_reader() {
    let switches =
        Switches { read_lag: ReadLag::ThreeSeconds, forget_delay: ForgetDelay::TenMinutes, ..prompt() };
    let service = Service::start(ProjectType::Email, switches).await;
    service.stand_in.seed("ada@example.com", None);
    service.stand_in.clock().advance(Duration::from_secs(4));
    service.post("/api/users/forget", json!({"email": "ada@example.com"})).await;
    // There is no read until long after it took effect.
    service.stand_in.clock().advance(Duration::from_mins(11));
    assert_eq!(service.get("/api/users/ada%40example.com").await.said(), (200, "{}"));
}

#[tokio::test]
async fn a_malformed_address_is_refused_as_recorded() {
    let service = Service::start(ProjectType::Email, prompt()).await;
    let answer = service.post("/api/users/forget", json!({"email": "foo@"})).await;
    let recorded = r#"{"msg":"Invalid email: foo@","code":"InvalidEmailAddressError","params":null}"#;
    assert_eq!(answer.said(), (400, recorded));
    let answer = service.post("/api/users/forget", json!({"email": ""})).await;
    assert_eq!(
        answer.said(),
        (400, r#"{"msg":"Invalid email: ","code":"InvalidEmailAddressError","params":null}"#)
    );
}

#[tokio::test]
async fn forgetting_again_is_a_success_or_refused() {
    for (forget_again, wanted) in
        [(ForgetAgain::Accepted, (200, SUCCESS)), (ForgetAgain::Refused, (409, FORGOTTEN))]
    {
        let service = Service::start(ProjectType::Email, Switches { forget_again, ..prompt() }).await;
        let ada = json!({"email": "Ada@example.com"});
        assert_eq!(service.post("/api/users/forget", ada.clone()).await.said(), (200, SUCCESS));
        assert_eq!(service.post("/api/users/forget", ada).await.said(), wanted);
    }
}

#[tokio::test]
async fn an_unknown_person_is_blocked_or_refused() {
    let service = Service::start(ProjectType::Email, prompt()).await;
    let ada = json!({"email": "ada@example.com"});
    assert_eq!(service.post("/api/users/forget", ada.clone()).await.said(), (200, SUCCESS));
    assert!(service.stand_in.is_forgotten("ada@example.com"));
    let switches = Switches { forget_unknown: ForgetUnknown::Refused, ..prompt() };
    let service = Service::start(ProjectType::Email, switches).await;
    assert_eq!(service.post("/api/users/forget", ada).await.said(), (400, UNKNOWN));
    assert!(!service.stand_in.is_forgotten("ada@example.com"));
}

#[tokio::test]
async fn forgetting_by_user_id_may_not_see_a_new_person_yet() {
    let switches = Switches {
        forget_unknown: ForgetUnknown::Refused,
        user_id_lag: UserIdLag::TwentySeconds,
        ..prompt()
    };
    let service = Service::start(ProjectType::Hybrid, switches).await;
    service.post("/api/users/update", json!({"userId": "u-1", "email": "ada@example.com"})).await;
    let by_id = json!({"userId": "u-1"});
    assert_eq!(service.post("/api/users/forget", by_id.clone()).await.said(), (400, UNKNOWN));
    service.stand_in.clock().advance(Duration::from_secs(20));
    assert_eq!(service.post("/api/users/forget", by_id).await.said(), (200, SUCCESS));
}

#[tokio::test]
async fn the_kind_of_identifier_follows_the_project() {
    for (kind, wrong) in [
        (ProjectType::Email, json!({"userId": "u-1"})),
        (ProjectType::UserId, json!({"email": "a@example.com"})),
    ] {
        let service = Service::start(kind, prompt()).await;
        let answer = service.post("/api/users/forget", wrong).await;
        assert_eq!((answer.status, answer.json()["code"].clone()), (400, json!("BadParams")));
        let path =
            if kind == ProjectType::Email { "/api/users/forgottenUserIds" } else { "/api/users/forgotten" };
        assert_eq!(service.get(path).await.status, 400);
    }
}

#[tokio::test]
async fn every_write_about_a_forgotten_person_is_refused() {
    for (forgotten_status, status) in [(ForgottenStatus::Status409, 409), (ForgottenStatus::Status400, 400)] {
        let service = Service::start(
            ProjectType::Email,
            Switches { forgotten_status, subscriptions_api: SubscriptionsApi::Success, ..prompt() },
        )
        .await;
        service.post("/api/users/forget", json!({"email": "ada@example.com"})).await;
        service.stand_in.seed("bob@example.com", None);
        let email = "ada@example.com";
        for (path, body) in [
            ("/api/users/update", json!({"email": "ADA@example.com "})),
            ("/api/users/updateSubscriptions", json!({"email": email, "unsubscribedChannelIds": [6539]})),
            ("/api/users/updateEmail", json!({"currentEmail": "bob@example.com", "newEmail": email})),
            ("/api/users/merge", json!({"sourceEmail": "bob@example.com", "destinationEmail": email})),
            ("/api/lists/subscribe", json!({"listId": 56545, "subscribers": [{"email": email}]})),
        ] {
            assert_eq!(service.post(path, body).await.said(), (status, FORGOTTEN), "{path}");
        }
        let path = "/api/subscriptions/messageChannel/6539/user/ada%40example.com";
        for method in [Method::PATCH, Method::DELETE] {
            assert_eq!(service.send(method, path, None).await.said(), (status, FORGOTTEN));
        }
        let bulk = service.post("/api/users/bulkUpdate", json!({"users": [{"email": email}]})).await;
        assert_eq!(
            (bulk.status, bulk.json()["failedUpdates"]["forgottenEmails"].clone()),
            (200, json!([email]))
        );
        assert!(service.stand_in.person(email).is_none());
        assert!(service.stand_in.deliveries().is_empty());
    }
}

#[tokio::test]
async fn unforgetting_lifts_the_block_and_brings_nothing_back() {
    let service = Service::start(ProjectType::Email, prompt()).await;
    let ada = json!({"email": "ada@example.com"});
    service
        .post("/api/users/update", json!({"email": "ada@example.com", "dataFields": {"name": "Ada"}}))
        .await;
    service.post("/api/users/forget", ada.clone()).await;
    assert_eq!(service.post("/api/users/unforget", ada.clone()).await.said(), (200, SUCCESS));
    assert_eq!(service.post("/api/users/update", ada).await.said(), (200, SUCCESS));
    assert!(service.stand_in.person("ada@example.com").unwrap().data.is_empty());
    assert_eq!(service.get("/api/users/forgotten").await.text, r#"{"hashedEmails":[]}"#);
}

#[tokio::test]
async fn hashes_are_of_the_trimmed_lower_case_form() {
    use sha2::{Digest, Sha256};
    let service = Service::start(ProjectType::Hybrid, prompt()).await;
    service.post("/api/users/forget", json!({"email": " Ada@Example.com"})).await;
    service.post("/api/users/forget", json!({"userId": "U-1"})).await;
    let hash = |text: &str| hex::encode(Sha256::digest(text));
    assert_eq!(
        service.get("/api/users/forgotten").await.json(),
        json!({"hashedEmails": [hash("ada@example.com")]})
    );
    assert_eq!(
        service.get("/api/users/forgottenUserIds").await.json(),
        json!({"hashedUserIds": [hash("u-1")]})
    );
    let switches = Switches { hash_encoding: HashEncoding::Base64, ..prompt() };
    let service = Service::start(ProjectType::Email, switches).await;
    service.post("/api/users/forget", json!({"email": "ada@example.com"})).await;
    let shown =
        service.get("/api/users/forgotten").await.json()["hashedEmails"][0].as_str().unwrap().to_owned();
    assert_eq!(shown.len(), 44);
}

#[tokio::test]
async fn forgetting_the_whole_person_blocks_every_identifier() {
    for (forget_reach, blocked) in [(ForgetReach::Given, false), (ForgetReach::Whole, true)] {
        let service = Service::start(ProjectType::Hybrid, Switches { forget_reach, ..prompt() }).await;
        service.stand_in.with_project(|project| project.seed(Some("ada@example.com"), Some("u-1"), None));
        service.post("/api/users/forget", json!({"email": "ada@example.com"})).await;
        assert!(service.stand_in.is_forgotten("ada@example.com"));
        assert_eq!(service.stand_in.is_forgotten("u-1"), blocked);
        assert!(service.stand_in.person("u-1").is_none());
    }
}

#[tokio::test]
async fn a_long_list_is_served_whole() {
    let service = Service::start(ProjectType::Email, prompt()).await;
    service.stand_in.with_project(|project| project.seed_forgotten(400_000));
    service.get("/api/users/forgotten").await;
    let begun = Instant::now();
    let answer = service.get("/api/users/forgotten").await;
    assert_eq!(answer.text.len(), r#"{"hashedEmails":[]}"#.len() + 400_000 * 67 - 1);
    // Long enough for a busy machine, but too short to render the list on every request.
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert!(service.stand_in.is_forgotten("person-399999@example.com"));
}

#[tokio::test]
async fn three_a_second_and_a_thousand_a_day_may_be_forgotten() {
    let switches = Switches { rate_limits: RateLimits::Published, ..prompt() };
    let service = Service::start(ProjectType::Email, switches).await;
    service.stand_in.clock().freeze();
    let forget =
        |number: usize| service.post("/api/users/forget", json!({"email": format!("p{number}@example.com")}));
    for number in 0..1000 {
        if number % 3 == 0 {
            service.stand_in.clock().advance(Duration::from_secs(1));
        }
        assert_eq!(forget(number).await.status, 200, "{number}");
    }
    let fourth = async {
        forget(1000).await;
        forget(1001).await
    };
    assert_eq!(fourth.await.status, 429);
    service.stand_in.clock().advance(Duration::from_hours(1));
    let refused = forget(1002).await;
    assert_eq!((refused.status, refused.json()["code"].clone()), (429, json!("RateLimitExceeded")));
    assert!(refused.retry_after.unwrap().parse::<u32>().unwrap() > 80_000);
    let other = service.post("/api/users/unforget", json!({"email": "p0@example.com"})).await;
    assert_eq!(other.status, 200);
    service.stand_in.clock().advance(Duration::from_hours(24));
    assert_eq!(forget(1003).await.status, 200);
}

#[tokio::test]
async fn a_limit_is_reported_in_every_known_form() {
    let old = r#"{"msg":"Exceeded rate limit of 4.0 per minute for endpoint: /api/export/userEvents, project: 2158 ","code":"RateLimitExceeded","params":{}}"#;
    for (limit_body, retry_after, wanted) in [
        (LimitBody::Old, RetryAfter::Absent, old),
        (
            LimitBody::Plain,
            RetryAfter::Seconds,
            r#"{"code":"RateLimitExceeded","msg":"Exceeded rate limit."}"#,
        ),
        (
            LimitBody::Detailed,
            RetryAfter::Date,
            r#"{"msg":"Exceeded rate limit.","code":"RateLimitExceeded","params":{"rateLimitLimit":4,"rateLimitRemaining":0,"rateLimitReset":15.0}}"#,
        ),
        (LimitBody::Text, RetryAfter::Seconds, "Too Many Requests"),
    ] {
        let switches = Switches { rate_limits: RateLimits::Published, limit_body, retry_after, ..prompt() };
        let service = Service::start(ProjectType::Email, switches).await;
        service.stand_in.clock().freeze_at("2026-01-02T03:04:05Z".parse().unwrap());
        for _ in 0..4 {
            assert_eq!(service.get("/api/export/userEvents?email=ada%40example.com").await.status, 200);
        }
        let answer = service.get("/api/export/userEvents?email=ada%40example.com").await;
        assert_eq!(answer.said(), (429, wanted));
        let header = match retry_after {
            RetryAfter::Absent => None,
            RetryAfter::Seconds => Some("15".to_owned()),
            RetryAfter::Date => Some("Fri, 02 Jan 2026 03:04:21 GMT".to_owned()),
        };
        assert_eq!(answer.retry_after, header);
        assert_eq!(answer.date.as_deref(), Some("Fri, 02 Jan 2026 03:04:05 GMT"));
    }
}

#[tokio::test]
async fn deleting_answers_as_recorded_and_blocks_nothing() {
    let service = Service::start(ProjectType::Email, prompt()).await;
    service.stand_in.with_project(|project| project.seed(Some("ada@example.com"), Some("1"), None));
    let answer = service.send(Method::DELETE, "/api/users/byUserId/1", None).await;
    let deleted =
        r#"{"msg":"All users associated with 1 were successfully deleted","code":"Success","params":null}"#;
    assert_eq!(answer.said(), (200, deleted));
    let answer = service.send(Method::DELETE, "/api/users/byUserId/rudder2", None).await;
    let unknown =
        r#"{"msg":"User does not exist. Email:  UserId: rudder2","code":"BadParams","params":null}"#;
    assert_eq!(answer.said(), (400, unknown));
    assert_eq!(
        service.send(Method::DELETE, "/api/users/ada%40example.com", None).await.said(),
        (200, SUCCESS)
    );
    assert!(!service.stand_in.is_forgotten("ada@example.com"));
}
