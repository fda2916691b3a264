//! A store in a temporary folder, for the tests of this crate and of dependent crates.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::print_stdout,
    reason = "a test without a store must fail"
)]

pub(crate) mod pooler;
pub(crate) mod server;

use std::path::PathBuf;

use futures::future::BoxFuture;
use host_model::{requests::Action, secret::Secret};
use sqlx::AssertSqlSafe;

use self::{pooler::Pooler, server::ServerDatabase};
use crate::{
    address::{DatabaseAddress, PostgresAddress},
    connections,
    database::Tx,
    error::StoreError,
    handle::Store,
    lease::Lease,
    person::PersonId,
    replica_id::ReplicaId,
    requests::NewRequest,
    seal::{MasterKey, PersonName},
};

/// Returns the master key of all test stores.
pub fn master_key() -> MasterKey {
    MasterKey::read(&Secret::new("0123456789abcdef".repeat(4)).unwrap()).unwrap()
}

/// A temporary folder with a store, deleted on drop. The store is in a file in the folder; if the environment variable
/// `CONNECTOR_HOST_TEST_POSTGRES` has the URL of a server of PostgreSQL, it is in a database there, dropped on drop.
pub struct Folder {
    folder: tempfile::TempDir,
    server: Option<ServerDatabase>,
}

impl Folder {
    /// Creates an empty folder.
    #[expect(clippy::new_without_default, reason = "creating a folder on disk is not a default")]
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), server: ServerDatabase::new() }
    }

    /// Creates a folder in memory, which needs no syncing, if the machine supports that.
    pub fn in_memory() -> Self {
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        Self { folder, server: ServerDatabase::new() }
    }

    /// Returns the path of a file in the folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Returns the address of the store.
    pub async fn address(&self) -> DatabaseAddress {
        match &self.server {
            Some(database) => DatabaseAddress::Server(database.address(&master_key().vault()).await),
            None => DatabaseAddress::File(self.file("host.db")),
        }
    }

    /// Returns the address of the store by way of a pooler of transactions. Without a server or a pooler, says that the test is
    /// skipped.
    pub async fn pooled_address(&self) -> Option<PostgresAddress> {
        let pooler = Pooler::new()?;
        // Creates the database.
        self.address().await;
        Some(pooler.address(self.server.as_ref()?))
    }

    /// Connects to the store's database on a server, beside the store.
    pub async fn beside(&self) -> Tx {
        let DatabaseAddress::Server(address) = self.address().await else { panic!("no server") };
        server::connected(&address).await
    }

    /// Returns the settings of a service with this store: lines of its section `[service]`.
    pub async fn settings(&self) -> String {
        let Some(server) = &self.server else { return "service.database = 'host.db'".to_owned() };
        let address = server.address(&master_key().vault()).await;
        let password = server.password().map_or_else(String::new, |password| {
            std::fs::write(self.file("database.password"), password).unwrap();
            "service.database-password = { file = 'database.password' }\n".to_owned()
        });
        format!("{password}service.database = '{address}'\nservice.erasure-ledger = 'host.db.erasures'")
    }

    /// Returns whether the store is on a server.
    pub fn is_on_server(&self) -> bool {
        self.server.is_some()
    }

    /// Returns the database on the server; `None` if the environment names none.
    #[cfg(test)]
    pub(crate) fn server(&self) -> Option<&ServerDatabase> {
        self.server.as_ref()
    }

    /// Opens the store, creating it if there is none.
    pub async fn store(&self) -> Store {
        let address = self.address().await;
        // Shown if the test fails.
        println!("database: {address}");
        let store = Store::open_at(&address, &master_key()).await;
        store.unwrap_or_else(|error| panic!("database {address}: {error}"))
    }

    /// Opens the store in the file `host.db`, for tests about SQLite itself.
    pub async fn file_store(&self) -> Store {
        Store::open(&self.file("host.db"), &master_key()).await.unwrap()
    }
}

/// Returns a lease of the replica `first`.
pub fn lease(now: i64, until: i64) -> Lease {
    Lease { replica: ReplicaId::named("first"), now, until }
}

/// Returns a folder whose store is on a server. Without a server, says that the test is skipped.
#[cfg(test)]
pub(crate) fn folder_on_server() -> Option<Folder> {
    let folder = Folder::new();
    if folder.server().is_none() {
        println!("skipped: {} has no URL of a PostgreSQL server", server::SERVER);
        return None;
    }
    Some(folder)
}

/// Returns the keyed hash of an email address.
pub fn name(byte: u8) -> PersonName {
    PersonName { digest: [byte; 32], kind: "email".to_owned() }
}

/// Returns a request about `person` at `connection` of the tenant `acme`, accepted at 10.
pub fn new_request(id: &str, connection: &str, person: PersonId, action: Action) -> NewRequest {
    NewRequest {
        id: id.to_owned(),
        tenant: "acme".to_owned(),
        connection: connection.to_owned(),
        person,
        action,
        idempotency_key: None,
        body_digest: [0; 32],
        sealed_details: vec![1],
        data_key: vec![2],
        outcome: None,
        withholds: false,
        at: 10,
    }
}

/// Returns the person with this number.
pub fn person(number: i64) -> PersonId {
    PersonId(number)
}

/// Puts all requests in the queue whose row says `open`, due since they were accepted: for rows that a test inserted.
pub const ENQUEUE: &str = "INSERT INTO open_requests (seq, tenant, connection, person, action, received_at, state, step, \
                             next_at, generation) \
                           SELECT seq, tenant, connection, person, action, received_at, 'waiting', step, received_at, generation \
                           FROM requests WHERE state = 'open' AND seq NOT IN (SELECT seq FROM open_requests)";

/// Runs `work` in a transaction that must succeed.
pub async fn write<T: Send + 'static>(
    store: &Store,
    work: impl for<'c> FnOnce(&'c mut Tx) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
) -> T {
    store.write(work).await.unwrap()
}

/// Executes `statement`, for changes that no function of the store makes, such as damage.
pub async fn sql(store: &Store, statement: impl AsRef<str> + Send + 'static) {
    write(store, move |tx| {
        Box::pin(async move {
            let statement = in_dialect(tx, statement.as_ref());
            Ok(sqlx::query(statement).execute(tx).await.map(drop)?)
        })
    })
    .await;
}

/// Writes the bytes in a statement, such as `x'00'` and `zeroblob(32)`, in the dialect of the database.
pub fn in_dialect(tx: &Tx, statement: &str) -> AssertSqlSafe<String> {
    if tx.backend_name() != "PostgreSQL" {
        return AssertSqlSafe(statement.to_owned());
    }
    let mut zeroed = statement.split("zeroblob(");
    let mut statement = zeroed.next().unwrap_or_default().to_owned();
    for part in zeroed {
        let (count, rest) = part.split_once(')').unwrap();
        statement = format!("{statement}x'{}'{rest}", "00".repeat(count.parse().unwrap()));
    }
    let mut rewritten = String::new();
    for (n, part) in statement.split('\'').enumerate() {
        let is_quoted = n % 2 == 1;
        match (is_quoted, rewritten.strip_suffix('x')) {
            (true, Some(before)) => rewritten = format!("{before}CAST('\\x{part}' AS BYTEA)"),
            (true, None) => rewritten = format!("{rewritten}'{part}'"),
            (false, _) => rewritten.push_str(part),
        }
    }
    AssertSqlSafe(rewritten)
}

/// Makes every insertion into `table` fail until [`allow_inserts`].
pub async fn refuse_inserts(store: &Store, table: &'static str) {
    const SQLITE: &str =
        "CREATE TRIGGER full BEFORE INSERT ON {} BEGIN SELECT RAISE(ABORT, 'the disk is full'); END";
    const POSTGRES: &str = "ALTER TABLE {} ADD CONSTRAINT disk_is_full CHECK (false) NOT VALID";
    in_dialects(store, SQLITE, POSTGRES, table).await;
}

/// Ends [`refuse_inserts`].
pub async fn allow_inserts(store: &Store, table: &'static str) {
    in_dialects(store, "DROP TRIGGER full", "ALTER TABLE {} DROP CONSTRAINT disk_is_full", table).await;
}

/// Makes lines of the audit chain changeable, as from outside.
pub async fn unlock_audit(store: &Store) {
    let (sqlite, postgres) =
        ("DROP TRIGGER audit_is_not_changed", "DROP TRIGGER audit_is_not_changed ON audit");
    in_dialects(store, sqlite, postgres, "audit").await;
}

/// Executes the statement of the database's dialect about `table`.
async fn in_dialects(store: &Store, sqlite: &'static str, postgres: &'static str, table: &'static str) {
    write(store, move |tx| {
        Box::pin(async move {
            let statement = if tx.backend_name() == "PostgreSQL" { postgres } else { sqlite };
            let statement = AssertSqlSafe(statement.replace("{}", table));
            Ok(sqlx::query(statement).execute(tx).await.map(drop)?)
        })
    })
    .await;
}

/// Executes `statement`, for rows that this program would not write but another version could: connections that it
/// changes are authentic afterwards.
pub async fn authenticated_sql(store: &Store, statement: &'static str) {
    let vault = store.vault().clone();
    write(store, move |tx| {
        Box::pin(async move {
            let statement = in_dialect(tx, statement);
            sqlx::query(statement).execute(&mut *tx).await?;
            connections::authenticate_all(tx, &vault).await.map(drop)
        })
    })
    .await;
}

/// Returns the names of all tables with those of each one's columns.
#[cfg(test)]
pub(crate) async fn columns(store: &Store) -> Vec<(String, String)> {
    const SQLITE: &str = "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c \
                          WHERE m.type = 'table' AND m.name <> '_sqlx_migrations' ORDER BY 1, 2";
    const POSTGRES: &str = "SELECT CAST(table_name AS TEXT), CAST(column_name AS TEXT) FROM information_schema.columns \
                            WHERE table_schema = current_schema() AND table_name <> '_sqlx_migrations' ORDER BY 1, 2";
    let read = store.read(|c| {
        Box::pin(async move {
            let sql = if c.backend_name() == "PostgreSQL" { POSTGRES } else { SQLITE };
            Ok(sqlx::query_as(sql).fetch_all(c).await?)
        })
    });
    read.await.unwrap()
}

/// Returns the stored audit records of `tenant`, oldest first.
pub async fn audit_records(store: &Store, tenant: &'static str) -> Vec<String> {
    let read = store.read(move |connection| {
        Box::pin(async move {
            let records = sqlx::query_scalar("SELECT record FROM audit WHERE tenant = $1 ORDER BY line");
            Ok(records.bind(tenant).fetch_all(connection).await?)
        })
    });
    read.await.unwrap()
}

/// Inserts a minimal connection of `tenant` with this key, enabled for all actions.
pub async fn connection_row(store: &Store, tenant: &'static str, key: &'static str) {
    write(store, move |tx| {
        Box::pin(async move {
            sqlx::query(
                "INSERT INTO connections (key, tenant, plugin, enabled, actions, settings, sealed_secrets, created_at, \
                   changed_at, identifying) \
                 VALUES ($1, $2, 'iterable', 1, '[\"erasure\",\"consent\"]', '{}', $3, 0, 0, 'email')",
            )
            .bind(key)
            .bind(tenant)
            .bind(Vec::new())
            .execute(tx)
            .await?;
            Ok(())
        })
    })
    .await;
}
