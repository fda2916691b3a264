//! Moving a database to a server, and the erasures after a restore there.

use host_service::lock::Lock;
use host_store::testing::Folder;
use serde_json::Value;

use super::{Exit, ran};

const OLD: &str = "service.master-key = { file = 'master.key' }\nservice.database = 'old.db'";

/// A folder with a service's configuration `old.toml`, whose database has an API key.
async fn served() -> Folder {
    let folder = Folder::new();
    std::fs::write(folder.file("master.key"), "ab".repeat(32)).unwrap();
    std::fs::write(folder.file("old.toml"), OLD).unwrap();
    let (exit, _, err) =
        run(&folder, &["--config", "old.toml", "api-key", "create", "--name", "operator"]).await;
    assert_eq!(exit, Exit::Done, "{err}");
    folder
}

/// Runs a command, in which the names of configurations are files of the folder.
async fn run(folder: &Folder, arguments: &[&str]) -> (Exit, String, String) {
    let path = |name: &&str| folder.file(name).to_str().unwrap().to_owned();
    let arguments: Vec<String> = arguments
        .iter()
        .map(|it| if ["old.toml", "new.toml"].contains(it) { path(it) } else { (*it).to_owned() })
        .collect();
    ran(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).await
}

const MIGRATE: [&str; 5] = ["migrate", "--from-config", "old.toml", "--to-config", "new.toml"];

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_was_moved_to_a_server_is_served_there_alone() {
    let folder = served().await;
    if !folder.is_on_server() {
        return;
    }
    let new = format!("service.master-key = {{ file = 'master.key' }}\n{}", folder.settings().await);
    std::fs::write(folder.file("new.toml"), new).unwrap();
    let (exit, out, err) = run(&folder, &[&MIGRATE[..], &["--json"]].concat()).await;
    assert_eq!(exit, Exit::Done, "{err}");
    let moved: Value = serde_json::from_str(&out).unwrap();
    assert!(moved["rows"].as_u64().unwrap() >= 2 && moved["chains"][0]["broken"].is_null(), "{moved}");
    let (exit, listed, err) = run(&folder, &["--config", "new.toml", "api-key", "list", "--json"]).await;
    assert!(exit == Exit::Done && listed.contains("operator"), "{listed}{err}");
    let (exit, _, err) = run(&folder, &["--config", "old.toml", "api-key", "list"]).await;
    assert_eq!(exit, Exit::Misused);
    assert!(err.contains("was moved to postgres://"), "{err}");
    let (exit, _, err) = run(&folder, &["--config", "new.toml", "backup", "copy.db"]).await;
    assert!(exit == Exit::Misused && err.contains("pg_dump"), "{err}");
    let (exit, _, err) = run(&folder, &["--config", "new.toml", "restore", "copy.db"]).await;
    assert!(exit == Exit::Misused && err.contains("`connector-host reapply-erasures`"), "{err}");
    let (exit, out, err) = run(&folder, &["--config", "new.toml", "reapply-erasures"]).await;
    assert!(exit == Exit::Unproven && out.contains("there is no erasure ledger"), "{out}{err}");
    let (exit, _, err) =
        run(&folder, &["--config", "new.toml", "reapply-erasures", "--erasures", "none"]).await;
    assert!(exit == Exit::Misused && err.contains("--erasures: there is no file none"), "{err}");
    std::fs::write(folder.file("empty.erasures"), "").unwrap();
    let ledger = folder.file("empty.erasures");
    let reapply = ["--config", "new.toml", "reapply-erasures", "--erasures", ledger.to_str().unwrap()];
    let (exit, out, err) = run(&folder, &reapply).await;
    assert!(exit == Exit::Done && out.contains("erasures after the backup: none"), "{out}{err}");
}

#[tokio::test]
async fn a_database_that_a_service_uses_is_not_moved() {
    let folder = served().await;
    let new = format!("service.master-key = {{ file = 'master.key' }}\n{}", folder.settings().await);
    std::fs::write(folder.file("new.toml"), new).unwrap();
    let serving = Lock::take(&folder.file("old.db")).unwrap();
    let (exit, _, err) = run(&folder, &MIGRATE).await;
    assert_eq!(exit, Exit::Misused);
    assert!(err.contains("another process serves this database"), "{err}");
    drop(serving);
    let (exit, _, err) = run(&folder, &["--config", "old.toml", "api-key", "list"]).await;
    assert_eq!(exit, Exit::Done, "{err}");
}

#[tokio::test]
async fn a_move_needs_a_file_and_a_server_and_has_to_be_begun_to_be_given_up() {
    let folder = served().await;
    std::fs::write(folder.file("new.toml"), "service.master-key = { file = 'master.key' }").unwrap();
    let (exit, _, err) = run(&folder, &MIGRATE).await;
    assert_eq!(exit, Exit::Misused);
    assert!(err.contains("expected a database on a server, such as postgres://USER@HOST/DATABASE"), "{err}");
    let (exit, _, err) = run(&folder, &["migrate", "--from-config", "old.toml", "--abandon"]).await;
    assert!(exit == Exit::Misused && err.contains("no transfer of this database was begun"), "{err}");
    let (exit, _, err) = run(&folder, &["--config", "old.toml", "reapply-erasures"]).await;
    assert!(exit == Exit::Misused && err.contains("`connector-host restore` applies the erasures"), "{err}");
}
