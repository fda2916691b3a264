use std::time::Duration;

use iterable_stand_in::{ProjectType, ReadLag, Switches, UnknownUserId, UserIdLag};
use reqwest::Method;
use serde_json::{Value, json};

use crate::service::{SUCCESS, Service, prompt};

const ADA: &str = "ada@example.com";

fn frozen(service: &Service) {
    service.stand_in.clock().freeze_at("2026-07-01T18:00:32Z".parse().unwrap());
}

#[tokio::test]
async fn a_profile_reads_as_recorded() {
    let switches = Switches { read_lag: ReadLag::TwelveSeconds, ..prompt() };
    let service = Service::start(ProjectType::Email, switches).await;
    frozen(&service);
    let body = json!({"email": ADA, "dataFields": {"name": "Ada"}});
    assert_eq!(service.post("/api/users/update", body).await.said(), (200, SUCCESS));
    assert_eq!(service.get("/api/users/ada%40example.com").await.said(), (200, "{}"));
    service.stand_in.clock().advance(Duration::from_secs(12));
    let recorded = json!({"user": {"email": ADA, "dataFields": {
        "name": "Ada",
        "email": ADA,
        "signupDate": "2026-07-01 18:00:44 +00:00",
        "profileUpdatedAt": "2026-07-01 18:00:32 +00:00",
        "signupSource": "API",
        "itblInternal": {
            "documentUpdatedAt": "2026-07-01 18:00:44 +00:00",
            "emailDomain": "example.com",
            "documentCreatedAt": "2026-07-01 18:00:44 +00:00",
        },
    }}});
    assert_eq!(service.get("/api/users/ada%40example.com").await.json(), recorded);
    assert_eq!(service.get("/api/users/getByEmail?email=ada%40example.com").await.json(), recorded);
}

#[tokio::test]
async fn all_four_arrays_appear_with_the_first_choice() {
    for (kind, lists) in [(ProjectType::Email, "emailListIds"), (ProjectType::Hybrid, "userListIds")] {
        let service = Service::start(kind, prompt()).await;
        let body = json!({"listId": 56545, "subscribers": [{"email": ADA}]});
        service.post("/api/lists/subscribe", body).await;
        let user = service.get("/api/users/ada%40example.com").await.json()["user"]["dataFields"].clone();
        for (name, wanted) in [
            (lists, json!([56545])),
            ("unsubscribedChannelIds", json!([])),
            ("unsubscribedMessageTypeIds", json!([])),
            ("subscribedMessageTypeIds", json!([])),
        ] {
            assert_eq!(user[name], wanted, "{name}");
        }
    }
}

#[tokio::test]
async fn reads_lag_behind_writes_and_by_user_id_further() {
    let switches =
        Switches { read_lag: ReadLag::ThreeSeconds, user_id_lag: UserIdLag::TwentySeconds, ..prompt() };
    let service = Service::start(ProjectType::Hybrid, switches).await;
    service.stand_in.with_project(|project| project.seed(Some(ADA), Some("u-1"), None));
    frozen(&service);
    let body = json!({"email": ADA, "unsubscribedChannelIds": [6539]});
    service.post("/api/users/updateSubscriptions", body).await;
    let shown = async |path: &str| {
        service.get(path).await.json()["user"]["dataFields"]["unsubscribedChannelIds"].clone()
    };
    let (by_email, by_id) = ("/api/users/ada%40example.com", "/api/users/byUserId/u-1");
    for (passed, email, id) in
        [(0, Value::Null, Value::Null), (3, json!([6539]), Value::Null), (20, json!([6539]), json!([6539]))]
    {
        service.stand_in.clock().advance(Duration::from_secs(passed));
        assert_eq!((shown(by_email).await, shown(by_id).await), (email, id), "{passed}");
    }
}

#[tokio::test]
async fn fields_are_set_merged_and_taken_away() {
    let service = Service::start(ProjectType::Email, prompt()).await;
    let update = async |data: Value, merge: bool| {
        let body = json!({"email": ADA, "dataFields": data, "mergeNestedObjects": merge, "unknownField": 1});
        assert_eq!(service.post("/api/users/update", body).await.said(), (200, SUCCESS));
    };
    update(json!({"a": 1, "address": {"city": "Anytown", "zip": 1}}), false).await;
    update(json!({"a": null, "address": {"zip": 2}}), true).await;
    let data = || Value::Object(service.stand_in.person(ADA).unwrap().data);
    assert_eq!(data(), json!({"address": {"city": "Anytown", "zip": 2}}));
    update(json!({"address": {"zip": 3}, "userId": "u-1"}), false).await;
    assert_eq!(data(), json!({"address": {"zip": 3}}));
    let user = service.get("/api/users/ADA@example.com").await.json()["user"].clone();
    assert_eq!((user["userId"].clone(), user["dataFields"]["userId"].clone()), (json!("u-1"), json!("u-1")));
}

#[tokio::test]
async fn another_type_is_refused_as_recorded() {
    let service = Service::start(ProjectType::Email, prompt()).await;
    let answer =
        service.post("/api/users/update", json!({"email": ADA, "dataFields": {"signupDate": "GGG"}})).await;
    let recorded = json!({"msg": "Project 2158: The request does not have the same data types as the data previously submitted. Field 'signupDate' already exists for type 'user' and has a data type of 'date' but possible types 'string, keyword' in the request.", "code": "RequestFieldsTypesMismatched", "params": {"validationErrors": {"signupDate": {"incomingTypes": ["string", "keyword"], "expectedType": "date", "_type": "UnexpectedType", "offendingValue": "GGG", "category": "user"}}}});
    assert_eq!((answer.status, answer.json()), (400, recorded));
    assert!(service.stand_in.person(ADA).is_none());
}

#[tokio::test]
async fn an_unknown_user_id_is_reported_in_every_known_form() {
    let code = "error.users.noUserWithIdExists";
    let coded = format!(r#"{{"msg":"{code}","code":"{code}","params":null}}"#);
    for (unknown_user_id, wanted) in [
        (UnknownUserId::Text400, (400, "No user with that id exists!")),
        (UnknownUserId::Empty200, (200, "{}")),
        (UnknownUserId::Code400, (400, coded.as_str())),
        (UnknownUserId::Code404, (404, coded.as_str())),
        (UnknownUserId::Code500, (500, coded.as_str())),
    ] {
        let service = Service::start(ProjectType::Hybrid, Switches { unknown_user_id, ..prompt() }).await;
        assert_eq!(service.get("/api/users/byUserId/u-9").await.said(), wanted);
        assert_eq!(service.get("/api/users/byUserId?userId=u-9").await.said(), wanted);
    }
}

#[tokio::test]
async fn a_plus_is_one_in_a_path_and_a_blank_in_a_query() {
    let service = Service::start(ProjectType::Email, prompt()).await;
    service.stand_in.seed("ada+news@example.com", None);
    assert_ne!(service.get("/api/users/ada+news@example.com").await.text, "{}");
    assert_ne!(service.get("/api/users/getByEmail?email=ada%2Bnews@example.com").await.text, "{}");
    let blank = service.get("/api/users/getByEmail?email=ada+news@example.com").await;
    let refused =
        r#"{"msg":"Invalid email: ada news@example.com","code":"InvalidEmailAddressError","params":null}"#;
    assert_eq!(blank.said(), (400, refused));
    let recorded = r#"{"msg":"Invalid email: 000","code":"InvalidEmailAddressError","params":null}"#;
    assert_eq!(service.get("/api/users/000").await.said(), (400, recorded));
}

#[tokio::test]
async fn a_user_id_creates_a_person_if_the_project_allows_it() {
    let body = json!({"userId": "u-1"});
    let service = Service::start(ProjectType::Email, prompt()).await;
    assert_eq!(service.post("/api/users/update", body.clone()).await.json()["code"], "UnknownUserIdError");
    let preferred = json!({"userId": "u-1", "preferUserId": true});
    assert_eq!(service.post("/api/users/update", preferred).await.said(), (200, SUCCESS));
    for kind in [ProjectType::UserId, ProjectType::Hybrid] {
        let service = Service::start(kind, prompt()).await;
        assert_eq!(service.post("/api/users/update", body.clone()).await.said(), (200, SUCCESS));
        let long = json!({"userId": "x".repeat(53)});
        assert_eq!(service.post("/api/users/update", long).await.json()["code"], "InvalidUserIdError");
    }
    let neither = service.post("/api/users/update", json!({"dataFields": {}})).await.json();
    assert_eq!(neither["code"], "BadParams");
    assert!(neither["msg"].as_str().unwrap().starts_with("Either email or userId must be set: "));
}

#[tokio::test]
async fn many_profiles_are_written_without_events() {
    let service = Service::start(ProjectType::Email, prompt()).await;
    let users = json!({"users": [{"email": ADA, "dataFields": {"unsubscribedChannelIds": [6539]}}, {"email": "grace"}]});
    let answer = service.post("/api/users/bulkUpdate", users).await;
    let recorded = json!({"successCount":1,"failCount":1,"invalidEmails":["grace"],"invalidUserIds":[],"filteredOutFields":[],"createdFields":[],"noOpEmails":[],"noOpUserIds":[],"failedUpdates":{"invalidEmails":["grace"],"invalidUserIds":[],"notFoundEmails":[],"notFoundUserIds":[],"invalidDataEmails":[],"invalidDataUserIds":[],"conflictEmails":[],"conflictUserIds":[],"forgottenEmails":[],"forgottenUserIds":[]}});
    assert_eq!((answer.status, answer.json()), (200, recorded));
    assert_eq!(service.stand_in.subscriptions(ADA).unwrap().unsubscribed_channels, [6539]);
    assert!(service.stand_in.deliveries().is_empty());
    let none = service.post("/api/users/bulkUpdate", json!({"users": []})).await;
    assert_eq!(none.json()["code"], "InvalidEmailAddressError");
}

#[tokio::test]
async fn people_are_renamed_and_joined() {
    let service = Service::start(ProjectType::Email, prompt()).await;
    service.stand_in.seed(ADA, None);
    service.stand_in.seed("bob@example.com", None);
    let rename = json!({"currentEmail": ADA, "newEmail": "ada2@example.com"});
    assert_eq!(service.post("/api/users/updateEmail", rename).await.said(), (200, SUCCESS));
    assert!(service.stand_in.person(ADA).is_none() && service.stand_in.person("ada2@example.com").is_some());
    let taken = json!({"currentEmail": "ada2@example.com", "newEmail": "bob@example.com"});
    let taken = service.post("/api/users/updateEmail", taken).await;
    assert_eq!((taken.status, taken.json()["code"].clone()), (409, json!("EmailAlreadyExists")));
    let malformed = json!({"currentEmail": "sayan", "newEmail": ADA});
    assert_eq!(
        service.post("/api/users/updateEmail", malformed).await.json()["msg"],
        "Invalid currentEmail sayan"
    );
    let merge = json!({"sourceEmail": "ada2@example.com", "destinationEmail": "bob@example.com"});
    assert_eq!(service.post("/api/users/merge", merge).await.said(), (200, SUCCESS));
    assert!(service.stand_in.person("ada2@example.com").is_none());
}

#[tokio::test]
async fn what_happened_to_a_person_can_be_read() {
    let service = Service::start(ProjectType::Email, prompt()).await;
    let custom = json!({"email": ADA, "eventName": "bought", "dataFields": {"what": "book"}});
    assert_eq!(service.post("/api/events/track", custom).await.said(), (200, SUCCESS));
    let body = json!({"email": ADA, "unsubscribedChannelIds": [6539]});
    service.post("/api/users/updateSubscriptions", body).await;
    let events = service.get("/api/events/ada%40example.com?limit=1").await.json();
    assert_eq!(events["events"][0]["eventType"], "emailUnSubscribe");
    let export = service.get("/api/export/userEvents?email=ada%40example.com").await;
    assert_eq!((export.content_type.as_str(), export.text.lines().count()), ("application/x-json-stream", 1));
    let all = service.get("/api/export/userEvents?email=ada%40example.com&includeCustomEvents=true").await;
    assert_eq!(all.text.lines().count(), 2);
    let bulk = json!({"events": [custom_of(ADA), custom_of("bad@")]});
    let recorded = json!({"successCount":1,"failCount":1,"invalidEmails":["bad@"],"invalidUserIds":[],"disallowedEventNames":[]});
    assert_eq!(service.post("/api/events/trackBulk", bulk).await.json(), recorded);
    assert_eq!(
        service.get("/api/users/getSentMessages?email=ada%40example.com").await.text,
        r#"{"messages":[]}"#
    );
    let fields = service.send(Method::GET, "/api/users/getFields", None).await.json();
    assert_eq!(fields["fields"]["signupDate"], "date");
}

fn custom_of(email: &str) -> Value {
    json!({"email": email, "eventName": "bought"})
}

#[tokio::test]
async fn both_identifiers_must_mean_one_person() {
    let service = Service::start(ProjectType::Hybrid, prompt()).await;
    let both = |email: &str, id: &str| json!({"email": email, "userId": id});
    assert_eq!(service.post("/api/users/update", both(ADA, "u-1")).await.said(), (200, SUCCESS));
    assert_eq!(service.post("/api/users/update", both(ADA, "u-1")).await.said(), (200, SUCCESS));
    let other = service.post("/api/users/update", both(ADA, "u-2")).await;
    assert_eq!((other.status, other.json()["code"].clone()), (409, json!("UserIdAlreadyExists")));
    service.stand_in.seed("u-2", None);
    let other = service.post("/api/users/update", both(ADA, "u-2")).await;
    assert_eq!((other.status, other.json()["code"].clone()), (409, json!("EmailAlreadyExists")));
    let service = Service::start(ProjectType::Email, prompt()).await;
    service.post("/api/users/update", both("bob@example.com", "u-1")).await;
    assert_eq!(service.post("/api/users/update", both(ADA, "u-1")).await.said(), (200, SUCCESS));
    assert_eq!(service.stand_in.person(ADA).unwrap().user_id.as_deref(), Some("u-1"));
}
