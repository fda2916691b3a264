//! The audit chain, over the API and in the database.

use serde_json::Value;

use super::{Exit, Running};

#[tokio::test(flavor = "multi_thread")]
async fn the_chain_is_verified_listed_and_exported_alike_over_the_api_and_in_the_database() {
    let running = Running::connected().await;
    let config = running.path("connector-host.toml");
    let verified = running.run(&["audit", "verify", "--json"]).await;
    assert_eq!(verified.exit, Exit::Done, "{}", verified.err);
    assert!(verified.json()["chains"].as_array().unwrap().iter().all(|chain| chain["broken"].is_null()));
    let list =
        ["audit", "list", "--what", "connection-created", "--by", "key", "--since", "2020-01-01", "--json"];
    let over = running.run(&list).await;
    assert_eq!(over.json()["lines"].as_array().unwrap().len(), 1, "{}", over.err);
    let (exit, local, err) = crate::tests::ran(&[&["--config", &config], &list[..]].concat()).await;
    assert_eq!((exit, err.as_str()), (Exit::Done, ""));
    assert_eq!(serde_json::from_str::<Value>(&local).unwrap(), over.json());
    let people = running.run(&["audit", "list", "--tenant", "acme"]).await;
    assert!(people.out.contains("connection-created") && people.out.contains("newsletter"), "{}", people.out);
    let (there, here) = (running.path("there.jsonl"), running.path("here.jsonl"));
    let exported = running.run(&["audit", "export", &there]).await;
    assert_eq!(exported.exit, Exit::Done, "{}", exported.err);
    let (exit, ..) = crate::tests::ran(&["--config", &config, "audit", "export", &here]).await;
    assert_eq!(exit, Exit::Done);
    let text = std::fs::read_to_string(&there).unwrap();
    assert_eq!(text, std::fs::read_to_string(&here).unwrap());
    let first: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!((&first["tenant"], &first["line"]), (&"*".into(), &1.into()));
    let again = running.run(&["audit", "export", &there]).await;
    assert!(again.err.contains("already exists: an export is written to a new file"), "{}", again.err);
    let wrong = running.run(&["audit", "list", "--since", "yesterday"]).await;
    assert!(wrong.err.contains("expected a date or a time in UTC"), "{}", wrong.err);
    running.assert_discreet();
}
