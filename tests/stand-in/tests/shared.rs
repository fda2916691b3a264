//! People who share an identifier that the project does not keep unique.

use iterable_stand_in::{ForgetReach, ProjectType, Subscriptions, Switches};
use reqwest::Method;
use serde_json::json;

use crate::service::{SUCCESS, Service, prompt};

const ADA: &str = "ada@example.com";
const BOB: &str = "bob@example.com";

/// Starts a project with Ada and Bob, who share a userId.
async fn email_project(switches: Switches) -> Service {
    let service = Service::start(ProjectType::Email, switches).await;
    service.stand_in.with_project(|project| {
        project.seed(Some(ADA), Some("shared"), None);
        project.seed(Some(BOB), Some("shared"), None);
    });
    service
}

#[tokio::test]
async fn two_people_of_an_email_project_can_have_one_user_id() {
    let service = email_project(prompt()).await;
    for person in [ADA, BOB] {
        assert_eq!(service.stand_in.person(person).unwrap().user_id.as_deref(), Some("shared"));
    }
    let carol = json!({"email": "carol@example.com", "dataFields": {"userId": "shared"}});
    assert_eq!(service.post("/api/users/update", carol).await.said(), (200, SUCCESS));
    assert_eq!(service.stand_in.person("carol@example.com").unwrap().user_id.as_deref(), Some("shared"));
    let body = json!({"email": BOB, "unsubscribedChannelIds": [6539]});
    service.post("/api/users/updateSubscriptions", body).await;
    assert_eq!(service.stand_in.subscriptions(ADA), None);
    assert_eq!(service.stand_in.subscriptions(BOB).unwrap().unsubscribed_channels, [6539]);
}

#[tokio::test]
async fn two_people_of_a_user_id_project_can_have_one_address() {
    let service = Service::start(ProjectType::UserId, prompt()).await;
    service.stand_in.with_project(|project| project.seed(Some(ADA), Some("u-1"), None));
    let second = json!({"email": ADA, "userId": "u-2"});
    assert_eq!(service.post("/api/users/update", second).await.said(), (200, SUCCESS));
    service.stand_in.with_project(|project| {
        let out = Subscriptions { unsubscribed_channels: vec![6539], ..Subscriptions::default() };
        project.seed(Some(ADA), Some("u-3"), Some(out));
    });
    for id in ["u-1", "u-2", "u-3"] {
        assert_eq!(service.stand_in.person(id).unwrap().email.as_deref(), Some(ADA), "{id}");
    }
    assert_eq!(service.stand_in.subscriptions("u-1"), None);
    assert_eq!(service.post("/api/users/forget", json!({"userId": "u-1"})).await.said(), (200, SUCCESS));
    assert!(service.stand_in.person("u-1").is_none());
    assert!(service.stand_in.person("u-2").is_some());
}

#[tokio::test]
async fn a_hybrid_project_keeps_both_unique() {
    let service = Service::start(ProjectType::Hybrid, prompt()).await;
    service.stand_in.with_project(|project| {
        project.seed(Some(ADA), Some("u-1"), None);
        project.seed(Some(BOB), Some("u-1"), None);
    });
    assert!(service.stand_in.person(ADA).is_none());
    let by_field = json!({"email": "carol@example.com", "dataFields": {"userId": "u-1"}});
    service.post("/api/users/update", by_field).await;
    assert_eq!(service.stand_in.person("carol@example.com").unwrap().user_id, None);
}

#[tokio::test]
async fn forgetting_one_of_two_who_share_a_user_id_leaves_the_other() {
    for forget_reach in [ForgetReach::Given, ForgetReach::Whole] {
        let service = email_project(Switches { forget_reach, ..prompt() }).await;
        assert_eq!(service.post("/api/users/forget", json!({"email": ADA})).await.said(), (200, SUCCESS));
        assert!(service.stand_in.person(ADA).is_none());
        assert!(service.stand_in.person(BOB).is_some(), "{forget_reach:?}");
        let body = json!({"email": BOB, "userId": "shared", "unsubscribedChannelIds": [6539]});
        assert_eq!(service.post("/api/users/updateSubscriptions", body).await.said(), (200, SUCCESS));
    }
}

#[tokio::test]
async fn an_email_project_forgets_no_person_by_user_id_and_deletes_all_people_who_share_one() {
    let service = email_project(prompt()).await;
    assert_eq!(service.post("/api/users/forget", json!({"userId": "shared"})).await.status, 400);
    assert!(service.stand_in.person(ADA).is_some());
    let deleted = service.send(Method::DELETE, "/api/users/byUserId/shared", None).await;
    assert_eq!(deleted.status, 200);
    assert!(service.stand_in.person(ADA).is_none() && service.stand_in.person(BOB).is_none());
}
