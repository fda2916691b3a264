//! Commands that work on a service's database, with no service running.

mod api_keys;

use std::{
    fs::Permissions,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use sqlx::Connection as _;

use super::{Exit, ran};
use host_service::lock::Lock;

/// A folder with the configuration of a service.
struct Operator(tempfile::TempDir);

impl Operator {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let operator = Self(folder);
        operator.store_master_key(&"ab".repeat(32));
        std::fs::write(operator.file("connector-host.toml"), "service.master-key = { file = 'master.key' }")
            .unwrap();
        operator
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Stores the master key, which every command warns about if others can read it.
    fn store_master_key(&self, key: &str) {
        std::fs::write(self.file("master.key"), key).unwrap();
        std::fs::set_permissions(self.file("master.key"), Permissions::from_mode(0o600)).unwrap();
    }

    async fn run(&self, arguments: &[&str]) -> (Exit, String, String) {
        let config = self.file("connector-host.toml");
        ran(&[&["--config", config.to_str().unwrap()], arguments].concat()).await
    }

    async fn backup(&self, name: &str) -> PathBuf {
        let file = self.file(name);
        let (exit, _, err) = self.run(&["backup", file.to_str().unwrap()]).await;
        assert_eq!((exit, err.as_str()), (Exit::Done, ""));
        file
    }

    async fn keys(&self) -> Vec<String> {
        let (exit, out, err) = self.run(&["api-key", "list", "--json"]).await;
        assert_eq!(exit, Exit::Done, "{err}");
        let keys: serde_json::Value = serde_json::from_str(&out).unwrap();
        let keys = keys["api_keys"].as_array().unwrap();
        keys.iter().map(|key| key["name"].as_str().unwrap().to_owned()).collect()
    }

    async fn sql(&self, statements: &'static str) {
        let url = format!("sqlite:{}", self.file("connector-host.db").display());
        let mut connection = sqlx::AnyConnection::connect(&url).await.unwrap();
        sqlx::raw_sql(statements).execute(&mut connection).await.unwrap();
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test]
async fn a_new_master_key_is_one_and_another_each_time() {
    let ((exit, one, _), (_, other, _)) = (ran(&["new-master-key"]).await, ran(&["new-master-key"]).await);
    assert_eq!(exit, Exit::Done);
    let key = host_model::secret::Secret::new(one.trim()).unwrap();
    assert!(host_store::MasterKey::read(&key).is_ok());
    assert_ne!(one, other);
}

#[cfg(unix)]
#[tokio::test]
async fn databases_backups_and_keys_in_files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let operator = Operator::new();
    let (master, key) = (operator.file("new.key"), operator.file("api.key"));
    let (exit, out, err) = operator.run(&["new-master-key", "--output", text(&master)]).await;
    assert_eq!((exit, err.as_str()), (Exit::Done, ""));
    assert!(out.starts_with(&format!("written to {}", text(&master))), "{out}");
    assert_eq!(std::fs::read_to_string(&master).unwrap().trim().len(), 64);
    let create = ["api-key", "create", "--name", "one", "--output", text(&key)];
    let (exit, out, _) = operator.run(&create).await;
    assert_eq!(exit, Exit::Done);
    assert!(std::fs::read_to_string(&key).unwrap().starts_with("chk_") && !out.contains("chk_"), "{out}");
    let again = ["api-key", "create", "--name", "two", "--output", text(&key)];
    let (exit, _, err) = operator.run(&again).await;
    assert_eq!(exit, Exit::Misused);
    assert!(err.contains("already exists: a secret is written to a new file"), "{err}");
    assert_eq!(operator.keys().await, ["one"], "no key was created whose text is nowhere");
    let backup = operator.backup("copy.db").await;
    operator.run(&["restore", text(&backup), "--replace"]).await;
    drop(Lock::take(&operator.file("connector-host.db")).unwrap());
    for entry in std::fs::read_dir(operator.0.path()).unwrap() {
        let path = entry.unwrap().path();
        if ["master.key", "connector-host.toml"].contains(&path.file_name().unwrap().to_str().unwrap()) {
            continue;
        }
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
    }
}

#[tokio::test]
async fn an_empty_file_is_not_taken_for_a_new_database() {
    let operator = Operator::new();
    std::fs::write(operator.file("connector-host.db"), "").unwrap();
    for arguments in [&["api-key", "create", "--name", "one"][..], &["api-key", "list"]] {
        let (exit, _, err) = operator.run(arguments).await;
        assert_eq!(exit, Exit::Misused);
        assert!(err.contains("the file is empty, which a database never is"), "{err}");
    }
    assert_eq!(std::fs::metadata(operator.file("connector-host.db")).unwrap().len(), 0);
}

#[tokio::test]
async fn a_configuration_without_a_service_is_refused_with_what_to_add() {
    let operator = Operator::new();
    std::fs::write(operator.file("connector-host.toml"), "").unwrap();
    let (exit, out, err) = operator.run(&["api-key", "list"]).await;
    assert_eq!((exit, out.as_str()), (Exit::Misused, ""));
    assert_eq!(
        err,
        "error: the configuration has no [service] section\n\
         next: create a master key with `connector-host new-master-key --output master.key`, keep a copy elsewhere, and add\n\
         [service]\nmaster-key = { file = \"master.key\" }\n"
    );
}

#[tokio::test]
async fn a_backup_that_is_restored_has_what_it_had_and_the_rest_is_kept_beside_it() {
    let operator = Operator::new();
    operator.run(&["api-key", "create", "--name", "before"]).await;
    let backup = operator.backup("copy.db").await;
    let (exit, _, err) = operator.run(&["backup", text(&backup)]).await;
    assert_eq!(exit, Exit::Misused);
    assert!(err.contains("already exists: a backup is written to a new file"), "{err}");
    operator.run(&["api-key", "create", "--name", "later"]).await;

    let (exit, _, err) = operator.run(&["restore", text(&backup)]).await;
    assert_eq!(exit, Exit::Misused);
    assert!(err.contains("already exists; --replace keeps it"), "{err}");
    assert_eq!(operator.keys().await, ["before", "later"]);
    // As the service's first start creates it.
    std::fs::write(operator.file("connector-host.db.erasures"), "").unwrap();
    let (exit, out, err) = operator.run(&["restore", text(&backup), "--replace"]).await;
    assert_eq!((exit, err.as_str()), (Exit::Done, ""));
    assert!(out.contains("erasures after the backup: none"), "{out}");
    let kept = operator.file("connector-host.db.before-restore");
    assert!(out.contains(text(&kept)), "{out}");
    assert_eq!(operator.keys().await, ["before"]);

    let (exit, _, err) = operator.run(&["restore", text(&backup), "--replace"]).await;
    assert_eq!(exit, Exit::Misused);
    assert!(err.contains("is left from an earlier restore: move it away first"), "{err}");
    std::fs::rename(&kept, operator.file("later.db")).unwrap();
    let later = operator.file("later.db");
    assert_eq!(operator.run(&["restore", text(&later), "--replace"]).await.0, Exit::Done);
    assert_eq!(operator.keys().await, ["before", "later"]);
}

#[tokio::test]
async fn what_is_no_backup_of_this_service_is_refused_and_changes_nothing() {
    let operator = Operator::new();
    operator.run(&["api-key", "create", "--name", "before"]).await;
    let backup = operator.backup("copy.db").await;
    let other = operator.file("other.db");
    std::fs::write(&other, "no database at all").unwrap();
    let empty = operator.file("empty.db");
    std::fs::write(&empty, "").unwrap();
    let damaged = operator.file("damaged.db");
    let mut bytes = std::fs::read(&backup).unwrap();
    let end = bytes.len();
    bytes[end - 20_000..].fill(b'x');
    std::fs::write(&damaged, bytes).unwrap();
    let missing = operator.file("missing.db");
    for (file, why) in [
        (&other, "is not a connector-host database"),
        (&empty, "is not a connector-host database"),
        (&damaged, "damaged"),
        (&missing, "No such file"),
    ] {
        let (exit, _, err) = operator.run(&["restore", text(file), "--replace"]).await;
        assert_eq!(exit, Exit::Misused, "{}", file.display());
        assert!(err.contains(why), "{err}");
    }
    std::fs::write(operator.file("master.key"), "cd".repeat(32)).unwrap();
    let (exit, _, err) = operator.run(&["restore", text(&backup), "--replace"]).await;
    assert_eq!(exit, Exit::Misused);
    assert!(err.contains("the master key is not the one"), "{err}");
    std::fs::write(operator.file("master.key"), "ab".repeat(32)).unwrap();
    assert_eq!(operator.keys().await, ["before"]);
    assert!(!operator.file("connector-host.db.copy").exists());
}

#[tokio::test]
async fn a_restore_waits_for_no_service_but_is_refused_while_one_runs() {
    let operator = Operator::new();
    operator.run(&["api-key", "create", "--name", "before"]).await;
    let backup = operator.backup("copy.db").await;
    let running = Lock::take(&operator.file("connector-host.db")).unwrap();
    let (exit, _, err) = operator.run(&["restore", text(&backup), "--replace"]).await;
    assert_eq!(exit, Exit::Misused);
    assert!(err.contains("another process serves this database"), "{err}");
    drop(running);
    let (exit, out, _) = operator.run(&["restore", text(&backup), "--replace"]).await;
    assert_eq!(exit, Exit::Unproven, "the database is restored, without the erasures that came after it");
    let ledger = operator.file("connector-host.db.erasures");
    assert!(out.contains(&format!("there is no erasure ledger {}", text(&ledger))), "{out}");
    let kept = operator.file("connector-host.db.before-restore");
    std::fs::rename(&kept, operator.file("kept.db")).unwrap();
    let copy = operator.file("copy.erasures");
    let (exit, _, err) =
        operator.run(&["restore", text(&backup), "--replace", "--erasures", text(&copy)]).await;
    assert_eq!(exit, Exit::Misused);
    assert!(err.contains("--erasures: there is no file") && !kept.exists(), "{err}");
    std::fs::write(&copy, "").unwrap();
    let restore = ["restore", text(&backup), "--replace", "--erasures", text(&copy), "--json"];
    let (exit, out, err) = operator.run(&restore).await;
    assert_eq!((exit, err.as_str()), (Exit::Done, ""));
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["erasures"], serde_json::json!({"people": {}, "damaged": 0, "other_key": 0}));
}

#[tokio::test]
async fn the_first_broken_line_of_a_chain_ends_the_program_with_a_code_of_its_own() {
    let operator = Operator::new();
    operator.run(&["api-key", "create", "--name", "one", "--tenant", "acme"]).await;
    operator.run(&["api-key", "create", "--name", "two", "--tenant", "acme"]).await;
    operator.run(&["api-key", "create", "--name", "three"]).await;
    let (exit, out, _) = operator.run(&["audit", "verify"]).await;
    assert_eq!(exit, Exit::Done);
    assert!(
        out.contains("every tenant: 1 lines intact") && out.contains("tenant acme: 2 lines intact"),
        "{out}"
    );
    operator
        .sql(
            "DROP TRIGGER audit_is_not_changed; \
             UPDATE audit SET at = 1 WHERE tenant = 'acme' AND line = 2; \
             CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit lines are \
             not changed'); END",
        )
        .await;
    let (exit, out, _) = operator.run(&["audit", "verify"]).await;
    assert_eq!(exit, Exit::Refused);
    assert!(out.contains("tenant acme: broken at line 2: its hash does not match"), "{out}");
}

#[tokio::test]
async fn the_audit_names_the_keys_that_were_changed_from_outside() {
    let operator = Operator::new();
    operator.run(&["api-key", "create", "--name", "one", "--tenant", "acme"]).await;
    operator.run(&["api-key", "create", "--name", "two"]).await;
    let (exit, out, _) = operator.run(&["audit", "verify"]).await;
    assert_eq!(exit, Exit::Done);
    let intact = "API keys, published plugins, connections and webhook tokens in use: intact";
    assert!(out.contains(intact), "{out}");
    operator.sql("UPDATE api_keys SET tenants = NULL WHERE name = 'one'").await;
    let (exit, out, _) = operator.run(&["audit", "verify"]).await;
    assert_eq!(exit, Exit::Refused);
    assert!(
        out.ends_with("API key one: changed from outside: it has no valid authentication code\n"),
        "{out}"
    );
    let (_, json, _) = operator.run(&["audit", "verify", "--json"]).await;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["foreign_rows"][0]["what"], "API key one");
    assert_eq!(json["chains"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_database_with_a_trigger_from_outside_is_not_opened() {
    let operator = Operator::new();
    operator.run(&["api-key", "create", "--name", "one"]).await;
    operator.sql("CREATE TRIGGER obey AFTER INSERT ON requests BEGIN DELETE FROM names; END").await;
    let (exit, _, err) = operator.run(&["api-key", "list"]).await;
    assert_eq!(exit, Exit::Misused);
    assert!(err.contains("no version of this program creates trigger obey"), "{err}");
}

#[tokio::test]
async fn a_mistyped_path_makes_no_database() {
    let operator = Operator::new();
    let database = operator.file("connector-host.db");
    let backup = operator.file("copy.db");
    let told = format!(
        "error: there is no database at {}\nnext: correct `database` in [service] of {}; `connector-host serve` \
         creates a new one there\n",
        database.display(),
        operator.file("connector-host.toml").display()
    );
    for arguments in [
        &["api-key", "list"][..],
        &["api-key", "revoke", "ops"],
        &["backup", text(&backup)],
        &["audit", "verify"],
    ] {
        assert_eq!(
            operator.run(arguments).await,
            (Exit::Misused, String::new(), told.clone()),
            "{arguments:?}"
        );
        assert!(!database.exists() && !backup.exists(), "{arguments:?}");
    }
    // The first key is created before the service first starts.
    assert_eq!(operator.run(&["api-key", "create", "--name", "ops"]).await.0, Exit::Done);
    assert_eq!(operator.keys().await, ["ops"]);
}

#[tokio::test]
async fn what_an_upgrade_took_over_unchecked_is_listed() {
    let operator = Operator::new();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/store-0.1.0");
    std::fs::copy(fixture.join("host.db"), operator.file("connector-host.db")).unwrap();
    operator.store_master_key(&std::fs::read_to_string(fixture.join("master.key")).unwrap());
    let (exit, out, err) = operator.run(&["audit", "verify"]).await;
    assert_eq!((exit, err.as_str()), (Exit::Done, ""));
    let list = "taken over unchecked from a version without authentication codes: API keys platform, acme, reader; \
                plugins iterable; 4 connections; ";
    assert!(out.contains(list), "{out}");
}
