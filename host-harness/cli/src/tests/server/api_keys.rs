//! API keys, created, listed and revoked over the API.

use super::{Exit, Running};

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_created_listed_and_revoked_over_the_api() {
    let running = Running::new().await;
    let file = running.path("auditor.key");
    let create = ["api-key", "create", "--name", "auditor", "--role", "viewer", "--output", &file];
    let created = running.run(&create).await;
    assert_eq!(created.exit, Exit::Done, "{}", created.err);
    let listed = running.run(&["api-key", "list", "--json"]).await.json();
    let roles: Vec<_> =
        listed["api_keys"].as_array().unwrap().iter().map(|key| (&key["name"], &key["role"])).collect();
    assert_eq!(roles, [(&"key".into(), &"administrator".into()), (&"auditor".into(), &"viewer".into())]);
    let by_auditor = running.run_with("auditor.key", &["request", "list"]).await;
    assert_eq!(by_auditor.exit, Exit::Done, "{}", by_auditor.err);
    let more = ["api-key", "create", "--name", "more", "--scope", "admin:write"];
    let refused = running.run_with("auditor.key", &more).await;
    assert_eq!(refused.exit, Exit::Misused);
    assert!(refused.err.contains("This API key is read-only"), "{}", refused.err);
    let again = running.run(&["api-key", "create", "--name", "auditor"]).await;
    assert!(again.err.contains("an API key named auditor already exists"), "{}", again.err);
    let revoked = running.run(&["api-key", "revoke", "auditor"]).await;
    assert_eq!(
        (revoked.exit, revoked.out.as_str()),
        (Exit::Done, "API key auditor is revoked and no longer accepted\n")
    );
    let unknown = running.run(&["api-key", "revoke", "auditor"]).await;
    assert!(unknown.err.contains("there is no active API key auditor"), "{}", unknown.err);
    running.assert_discreet();
}
