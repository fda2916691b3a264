//! Databases for tests on a server of PostgreSQL: one for each folder, copied from a template.

use std::{sync::mpsc, thread, time::Duration};

use host_model::secret::Secret;
use percent_encoding::percent_decode_str;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use tokio::sync::OnceCell;
use url::Url;
use uuid::Uuid;

use crate::{
    address::PostgresAddress,
    database::Tx,
    postgres::{route::Route, schema::PostgresSchema},
    schema::{Schema as _, migrate},
    seal::Vault,
};

/// The environment variable with the URL of the server, such as `postgres://postgres@127.0.0.1:5432/postgres`.
pub(crate) const SERVER: &str = "CONNECTOR_HOST_TEST_POSTGRES";

/// Locks on the server, until the connection ends, what only one test may do at a time: to create the template.
const LOCK_TEMPLATE: &str = "SELECT pg_advisory_lock(1668247139)";

/// How long a test waits until its database is dropped. The server waits for all sessions, also for one that this test began to
/// open: its runtime goes on with that, or closes it, only once the test has ended.
const MAX_DROP: Duration = Duration::from_secs(1);

/// A database of its own, which is dropped with this value.
pub(crate) struct ServerDatabase {
    server: Url,
    name: String,
    created: OnceCell<()>,
}

impl ServerDatabase {
    /// Names a database on the server that the environment names; `None` if it names none.
    pub(super) fn new() -> Option<Self> {
        #[expect(clippy::disallowed_methods, reason = "tests are not configured by a file")]
        let server = std::env::var(SERVER).ok()?;
        let server = Url::parse(&server).unwrap_or_else(|error| panic!("{SERVER}: {error}"));
        let name = format!("connector_host_test_{}", Uuid::now_v7().simple());
        Some(Self { server, name, created: OnceCell::new() })
    }

    /// Returns the address of the database, which the first call creates. `vault` is that of the template.
    pub(super) async fn address(&self, vault: &Vault) -> PostgresAddress {
        self.created.get_or_init(|| create(&self.server, &self.name, vault)).await;
        address(&self.server, &self.name)
    }
}

impl ServerDatabase {
    /// Returns the password of the server's user; `None` if it has none.
    pub(super) fn password(&self) -> Option<String> {
        password(&self.server)
    }

    /// Returns the name of the database.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

#[cfg(test)]
impl ServerDatabase {
    /// Returns the host and the port of the server.
    pub(crate) fn host_and_port(&self) -> (String, u16) {
        let host = self.server.host_str().unwrap_or_else(|| panic!("{SERVER}: expected a URL with a host"));
        (host.to_owned(), self.server.port().unwrap_or(5432))
    }

    /// Returns the address of the database by way of a proxy that listens on this port.
    pub(crate) fn by_way_of(&self, port: u16) -> PostgresAddress {
        let mut proxy = self.server.clone();
        proxy.set_host(Some("127.0.0.1")).unwrap();
        proxy.set_port(Some(port)).unwrap();
        address(&proxy, &self.name)
    }
}

impl Drop for ServerDatabase {
    fn drop(&mut self) {
        if !self.created.initialized() {
            return;
        }
        let (server, name) = (self.server.clone(), self.name.clone());
        // A thread with a runtime of its own, since a test's runtime cannot be waited for within it.
        let (dropped, is_dropped) = mpsc::channel::<()>();
        thread::spawn(move || {
            let _dropped = dropped;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                let mut connection = connected(&address(&server, "postgres")).await;
                run(&mut connection, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
            });
        });
        // A failure has been printed, and leaves a database that no other test uses.
        let _gone = is_dropped.recv_timeout(MAX_DROP);
    }
}

/// Creates the database `name` as a copy of the template, which the first test creates.
async fn create(server: &Url, name: &str, vault: &Vault) {
    let newest = PostgresSchema(Route::Direct).migrations().iter().last().unwrap();
    let checksum: String = hex::encode(&newest.checksum).chars().take(16).collect();
    let template = format!("connector_host_template_{checksum}");
    let mut connection = connected(&address(server, "postgres")).await;
    run(&mut connection, LOCK_TEMPLATE).await;
    let exists = sqlx::query_scalar("SELECT COUNT(*) FROM pg_database WHERE datname = $1").bind(&template);
    let exists: i64 = exists.fetch_one(&mut connection).await.unwrap();
    if exists == 0 {
        // Renamed once it is complete, so that an interruption leaves no half of a template.
        let draft = format!("{template}_draft");
        run(&mut connection, &format!("DROP DATABASE IF EXISTS {draft} WITH (FORCE)")).await;
        run(&mut connection, &format!("CREATE DATABASE {draft}")).await;
        let mut migrated = connected(&address(server, &draft)).await;
        let done = migrate(&mut migrated, vault, &PostgresSchema(Route::Direct)).await;
        done.unwrap_or_else(|error| panic!("database {draft}: {error}"));
        migrated.close().await.unwrap();
        run(&mut connection, &format!("ALTER DATABASE {draft} RENAME TO {template}")).await;
    }
    run(&mut connection, &format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
    connection.close().await.unwrap();
}

/// Returns the address of the database `name` on the server.
pub(super) fn address(server: &Url, name: &str) -> PostgresAddress {
    let mut url = server.clone();
    let password = password(server).and_then(Secret::new);
    if password.is_some() {
        url.set_password(None).unwrap();
    }
    url.set_path(name);
    PostgresAddress::new(url.as_str(), password).unwrap_or_else(|error| panic!("{SERVER}: {error}"))
}

fn password(server: &Url) -> Option<String> {
    let password = server.password()?;
    Some(percent_decode_str(password).decode_utf8().unwrap().into_owned())
}

/// Connects to the database at `address`.
pub(crate) async fn connected(address: &PostgresAddress) -> Tx {
    sqlx::any::install_default_drivers();
    let connection = Tx::connect(&address.with_password()).await;
    connection.unwrap_or_else(|error| panic!("database {address}: {error}"))
}

/// Executes statements without parameters.
pub(crate) async fn run(connection: &mut Tx, statements: &str) {
    let done = connection.execute(AssertSqlSafe(statements)).await;
    done.unwrap_or_else(|error| panic!("{statements}: {error}"));
}
