//! Databases that are not opened, and what their errors say.

use host_model::secret::Secret;

use sqlx::Executor as _;

use super::*;
use crate::{
    DatabaseAddress,
    postgres::schema::PostgresSchema,
    schema::{self, Schema as _},
    testing::{master_key, server::connected, sql},
};

/// Returns the error of opening a database on which `how` was run.
async fn refusal_after(how: &[&'static str]) -> Option<StoreError> {
    let folder = folder_on_server()?;
    let store = folder.store().await;
    for how in how {
        sql(&store, *how).await;
    }
    store.close().await;
    Store::open_at(&folder.address().await, &master_key()).await.err()
}

#[tokio::test]
async fn a_database_with_objects_that_no_version_creates_or_without_some_is_refused_by_their_names() {
    if folder_on_server().is_none() {
        return;
    }
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    for (how, foreign, missing) in [
        (
            &[
                "CREATE FUNCTION obey() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM names; RETURN NULL; END $$",
                "CREATE TRIGGER obey AFTER INSERT ON requests EXECUTE FUNCTION obey()",
            ][..],
            &["function obey", "trigger obey"][..],
            &[][..],
        ),
        (&["CREATE RULE obey AS ON INSERT TO requests DO ALSO DELETE FROM names"], &["rule obey"], &[]),
        (&["CREATE TABLE notes (text TEXT)"], &["table notes"], &[]),
        (&["CREATE VIEW everyone AS SELECT * FROM names"], &["view everyone"], &[]),
        (&["CREATE INDEX extra ON requests (person)"], &["index extra"], &[]),
        (&["ALTER TABLE names ADD CONSTRAINT few CHECK (person < 9)"], &["constraint few"], &[]),
        (&["CREATE POLICY few ON names USING (person < 9)"], &["policy few"], &[]),
        (&["DROP TRIGGER audit_is_not_changed ON audit"], &[], &["trigger audit_is_not_changed"]),
        (
            &["ALTER TABLE audit DISABLE TRIGGER audit_is_not_changed"],
            &["trigger audit_is_not_changed"],
            &["trigger audit_is_not_changed"],
        ),
        (&["ALTER TABLE requests ADD COLUMN note TEXT"], &["table requests"], &["table requests"]),
        (
            &[
                "CREATE OR REPLACE FUNCTION json_valid(record TEXT) RETURNS boolean LANGUAGE sql AS 'SELECT FALSE'",
            ],
            &["function json_valid"],
            &["function json_valid"],
        ),
    ] {
        let refused = refusal_after(how).await;
        let Some(StoreError::ForeignSchema { foreign: found, missing: lacks }) = &refused else {
            panic!("{how:?}: {refused:?}")
        };
        assert_eq!((found, lacks), (&names(foreign), &names(missing)), "{how:?}");
    }
}

#[tokio::test]
async fn a_database_whose_statistics_were_gathered_and_whose_rows_were_vacuumed_is_opened() {
    assert!(refusal_after(&["ANALYZE", "REINDEX TABLE requests"]).await.is_none());
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_refused_by_the_programs_name() {
    if folder_on_server().is_none() {
        return;
    }
    let refused = refusal_after(&[
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (9999, 'later', TRUE, x'00', 0)",
        "UPDATE marks SET value = x'372e302e30' WHERE name = 'program'",
    ]);
    let refused = refused.await.unwrap();
    let StoreError::NewerDatabase { found: 9999, written_by, .. } = &refused else { panic!("{refused}") };
    assert_eq!(written_by, "7.0.0");
}

#[tokio::test]
async fn a_backup_is_left_to_the_programs_of_the_server() {
    let Some(folder) = folder_on_server() else { return };
    let copy = folder.file("copy.db");
    let refused = folder.store().await.back_up(&copy).await.unwrap_err();
    assert!(matches!(refused, StoreError::BackedUpByServer), "{refused}");
    assert!(!copy.exists());
}

#[tokio::test]
async fn an_error_of_a_connection_shows_no_password() {
    const PASSWORD: &str = "hunter2-is-long";
    let Some(folder) = folder_on_server() else { return };
    let (host, port) = folder.server().unwrap().host_and_port();
    // A port with no listener any more.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for url in [
        format!("postgres://postgres@127.0.0.1:{closed}/postgres"),
        format!("postgres://postgres@{host}:{port}/no_such_database"),
        format!("postgres://no_such_role@{host}:{port}/postgres"),
        format!("postgres://postgres@{host}:{port}/postgres?sslmode=require"),
        format!("postgres://postgres@{host}:{port}/postgres?sslmode=verify-ca&sslrootcert=/no/such/file"),
        "postgres:///postgres?host=/no/such/folder".to_owned(),
        format!("postgres://postgres@{host}/postgres?port=none"),
    ] {
        let address = PostgresAddress::new(&url, Secret::new(PASSWORD)).unwrap();
        let error = Store::open_at(&DatabaseAddress::Server(address), &master_key()).await.unwrap_err();
        for shown in [error.to_string(), format!("{error:?}")] {
            assert!(!shown.contains(PASSWORD), "{shown}");
        }
    }
}

#[tokio::test]
async fn a_database_that_replicas_of_an_older_version_serve_is_not_migrated_until_they_have_ended() {
    let Some(folder) = folder_on_server() else { return };
    let DatabaseAddress::Server(address) = folder.address().await else { panic!("no server") };
    let (mut server, vault) = (connected(&address).await, master_key().vault());
    server.execute("CREATE SCHEMA older; SET search_path = older").await.unwrap();
    let schema = PostgresSchema(Route::Direct);
    schema::run(schema.migrations(), &mut server, 25).await.unwrap();
    let join = "INSERT INTO replicas (id, name, program, started_at, seen_at, applied) \
                SELECT 'first', 'host-1:7', '0.2.0', now, now, 0 \
                FROM (SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT) AS now) AS clock";
    server.execute(join).await.unwrap();
    let refused = schema::migrate(&mut server, &vault, &schema).await.unwrap_err();
    assert!(
        matches!(&refused, StoreError::ServedByOlder { replicas, .. } if *replicas == ["host-1:7"]),
        "{refused}"
    );
    let version = async |server: &mut Tx| schema::found::<PostgresSchema>(server).await.unwrap();
    assert_eq!(version(&mut server).await, Some(25));
    server.execute("UPDATE replicas SET seen_at = seen_at - 30000").await.unwrap();
    schema::migrate(&mut server, &vault, &schema).await.unwrap();
    assert!(version(&mut server).await > Some(25));
}
