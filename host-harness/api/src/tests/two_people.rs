//! Versions that another person than the one who uploaded them has to approve.

use serde_json::json;

use crate::testing::{ApiBench, tagged_guest};

#[tokio::test(flavor = "multi_thread")]
async fn with_two_people_nobody_approves_what_they_uploaded() {
    let (bench, key) = ApiBench::with_guest("build_one", "service.two-people = true\n").await;
    let other = bench.key("other", None).await;
    let wider = tagged_guest("build_greedy", 1);
    for path in ["guest", "guest?agree=true"] {
        let refused = bench.post_component(&key, path, &wider).await;
        assert_eq!(refused.problem(), (403, "second-person"), "{path}");
        assert!(refused.detail().contains("upload it without serving it"), "{refused:?}");
    }
    let rehearsed = bench.post_component(&key, "guest/rehearsal?agree=true", &wider).await;
    assert_eq!((rehearsed.status, &rehearsed.json["would_serve"]), (200, &json!(false)), "{rehearsed:?}");

    let uploaded = bench.post_component(&key, "guest/versions", &wider).await;
    assert_eq!(uploaded.status, 201, "{uploaded:?}");
    // Uploading the same bytes again does not change which API key uploaded the version first.
    assert_eq!(bench.post_component(&other, "guest/versions", &wider).await.status, 201);
    let digest = uploaded.json["digest"].as_str().unwrap();
    let version = format!("/api/v1/plugins/guest/versions/{digest}");
    let approve = async |key: &str| bench.send(key, "POST", &format!("{version}/approve"), None).await;
    let own = approve(&key).await;
    assert_eq!(own.problem(), (403, "second-person"));
    assert!(own.detail().contains("was uploaded with this API key"), "{own:?}");
    let shown = bench.get(&key, &version).await.json;
    assert_eq!((&shown["state"], &shown["needs_second_person"]), (&json!("proven"), &json!(true)));
    let approved = approve(&other).await;
    assert_eq!((approved.status, &approved.json["state"]), (200, &json!("approved")), "{approved:?}");
    assert_eq!(bench.send(&key, "POST", &format!("{version}/serve"), None).await.status, 200);
    let same = bench.post_component(&key, "guest", &tagged_guest("build_greedy", 2)).await;
    assert_eq!(same.status, 200, "what requests nothing more needs nobody: {same:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_whose_uploader_is_unknown_or_was_changed_from_outside_is_not_approved() {
    let (bench, key) = ApiBench::with_guest("build_one", "service.two-people = true\n").await;
    let other = bench.key("other", None).await;
    let uploaded = bench.post_component(&key, "guest/versions", &tagged_guest("build_greedy", 1)).await;
    let digest = uploaded.json["digest"].as_str().unwrap();
    bench.sql("UPDATE versions SET uploaded_by = 'somebody' WHERE state = 'proven'").await;
    let approve = format!("/api/v1/plugins/guest/versions/{digest}/approve");
    for key in [&key, &other] {
        assert_eq!(bench.send(key, "POST", &approve, None).await.problem(), (404, "unknown"));
    }
    bench.sql("UPDATE versions SET uploaded_by = NULL WHERE state = 'proven'").await;
    assert_eq!(bench.send(&key, "POST", &approve, None).await.problem(), (404, "unknown"));
}
