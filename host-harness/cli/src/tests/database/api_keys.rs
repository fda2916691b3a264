//! API keys in the database.

use super::{Exit, Operator};

#[tokio::test]
async fn an_api_key_is_shown_once_listed_without_its_text_and_revoked() {
    let operator = Operator::new();
    let (exit, made, _) = operator.run(&["api-key", "create", "--name", "ops", "--tenant", "acme"]).await;
    assert_eq!(exit, Exit::Done);
    let text = made.trim();
    assert!(text.starts_with("chk_") && text.len() == 68, "{text}");
    let (_, listed, _) = operator.run(&["api-key", "list"]).await;
    assert!(listed.contains("ops") && listed.contains("acme") && !listed.contains(&text[4..]), "{listed}");
    let (exit, _, err) = operator.run(&["api-key", "create", "--name", "ops"]).await;
    assert_eq!(exit, Exit::Misused);
    assert!(err.contains("an API key named ops already exists"), "{err}");
    assert_eq!(operator.run(&["api-key", "revoke", "ops"]).await.0, Exit::Done);
    assert_eq!(operator.run(&["api-key", "revoke", "ops"]).await.0, Exit::Misused);
    for (arguments, wrong) in [
        (["--name", "Ops Team", "--tenant", "acme"], "--name: `Ops Team`"),
        (["--name", "ops-2", "--tenant", "Acme"], "--tenant: `Acme`"),
    ] {
        let (exit, _, err) = operator.run(&[&["api-key", "create"], &arguments[..]].concat()).await;
        let expected = format!(
            "error: {wrong}: expected lower-case words and digits with single dashes between them, such as `acme-eu`\n"
        );
        assert_eq!((exit, err), (Exit::Misused, expected));
    }
}

#[tokio::test]
async fn an_api_key_is_created_with_scopes_for_some_connections() {
    let operator = Operator::new();
    let create = ["api-key", "create", "--name", "fides", "--tenant", "acme", "--connection", "newsletter"];
    let scopes = ["--scope", "requests:write", "--scope", "consent:write", "--json"];
    let (exit, made, _) = operator.run(&[&create[..], &scopes].concat()).await;
    assert_eq!(exit, Exit::Done);
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    let key = &made["api_key"];
    assert_eq!(key["scopes"], serde_json::json!(["requests:write", "consent:write"]));
    assert_eq!((&key["connections"][0], &key["tenants"][0]), (&"newsletter".into(), &"acme".into()));
    assert_eq!((&key["may_write"], &key["callback_hosts"]), (&true.into(), &serde_json::json!([])));
    let (_, listed, _) = operator.run(&["api-key", "list"]).await;
    assert!(listed.contains("requests:write ") && listed.contains("newsletter"), "{listed}");
    let (exit, _, err) =
        operator.run(&["api-key", "create", "--name", "x", "--connection", "newsletter"]).await;
    assert!(exit == Exit::Misused && err.contains("--tenant <TENANT>"), "{err}");
    for (scope, wrong) in [
        (
            "requests",
            "invalid value 'requests' for '--scope <AREA:ACCESS>': expected AREA:read or AREA:write",
        ),
        ("people:read", "the areas are requests, bulk, consent, webhook-tokens, connections, plugins, admin"),
    ] {
        let (exit, _, err) = operator.run(&["api-key", "create", "--name", "x", "--scope", scope]).await;
        assert_eq!(exit, Exit::Misused);
        assert!(err.contains(wrong), "{err}");
    }
}

#[tokio::test]
async fn an_api_key_is_created_with_a_role_which_the_list_names() {
    let operator = Operator::new();
    for role in ["viewer", "operator", "approver", "administrator"] {
        let (exit, _, err) = operator.run(&["api-key", "create", "--name", role, "--role", role]).await;
        assert_eq!(exit, Exit::Done, "{err}");
    }
    operator.run(&["api-key", "create", "--name", "usual"]).await;
    operator.run(&["api-key", "create", "--name", "looks", "--read-only"]).await;
    operator.run(&["api-key", "create", "--name", "own", "--scope", "bulk:write"]).await;
    let (_, listed, _) = operator.run(&["api-key", "list", "--json"]).await;
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let keys = listed["api_keys"].as_array().unwrap();
    let roles: Vec<_> = keys.iter().map(|key| key["role"].as_str()).collect();
    let named = ["viewer", "operator", "approver", "administrator", "administrator", "viewer"].map(Some);
    assert_eq!(roles, [&named[..], &[None]].concat());
    assert!(operator.run(&["api-key", "list"]).await.1.contains("approver"));
    for arguments in [["--role", "viewer", "--read-only"].as_slice(), &["--role", "boss"]] {
        let (exit, _, err) = operator.run(&[&["api-key", "create", "--name", "x"], arguments].concat()).await;
        assert_eq!(exit, Exit::Misused);
        let is_explained =
            err.contains("cannot be used with") || err.contains("expected viewer, operator, approver");
        assert!(is_explained, "{err}");
    }
}

#[tokio::test]
async fn the_secret_of_a_keys_callbacks_is_printed_and_is_another_one_for_each_key() {
    let operator = Operator::new();
    for name in ["one", "two"] {
        let create = ["api-key", "create", "--name", name, "--callback-host", "privacy.example.com"];
        assert_eq!(operator.run(&create).await.0, Exit::Done);
    }
    operator.run(&["api-key", "create", "--name", "none"]).await;
    let secret = async |name| operator.run(&["api-key", "callback-secret", name]).await;
    let (exit, one, _) = secret("one").await;
    assert!(exit == Exit::Done && one.starts_with("whsec_") && one.trim().len() == 50, "{one}");
    assert_eq!(secret("one").await.1, one);
    assert_ne!(secret("two").await.1, one);
    let (exit, _, err) = secret("none").await;
    assert_eq!(exit, Exit::Misused);
    assert!(err.contains("the API key none allows no callbacks"), "{err}");
    assert!(secret("three").await.2.contains("there is no active API key three"));
    for host in ["", "https://privacy.example.com", "privacy.example.com/ends", "bücher.example"] {
        let create = ["api-key", "create", "--name", "x", "--callback-host", host];
        let (exit, _, err) = operator.run(&create).await;
        assert_eq!(exit, Exit::Misused, "{host}");
        assert!(err.contains("--callback-host: "), "{host}: {err}");
    }
}
