//! The server of `PostgreSQL`: databases for each measurement, and what the server did.

use std::{
    env,
    time::{Duration, Instant},
};

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tokio::time::sleep;
use url::Url;
use xtask::growth::{self, ServerWork};

use crate::process;

/// How soon a process of the server counts what it did in the statistics of a database.
const COUNTED_WITHIN: Duration = Duration::from_millis(1_500);

/// The number of round trips that are timed.
const ROUND_TRIPS: usize = 101;

/// What is sent together with a `BEGIN`, in its round trip.
const WITH_BEGIN: [&str; 3] = ["SET LOCAL %", "SELECT set_config(%", "SELECT pg_advisory_xact_lock(%"];

/// The server that `cargo xtask bench` has started.
#[derive(Clone)]
pub(crate) struct Server(Url);

/// A database on it.
#[derive(Clone)]
pub(crate) struct Database {
    server: Server,
    name: String,
    /// The port by which the service reaches the server.
    port: u16,
}

impl Server {
    /// Returns the server that the environment names; `None` if it names none.
    pub(crate) async fn find() -> Option<Self> {
        #[expect(clippy::disallowed_methods, reason = "a bench is not configured by a file")]
        let server = Self(Url::parse(&env::var(growth::SERVER).ok()?).unwrap());
        server.run("CREATE EXTENSION IF NOT EXISTS pg_stat_statements").await;
        Some(server)
    }

    /// Returns its version, such as `15.14`.
    pub(crate) async fn version(&self) -> String {
        let version = sqlx::query_scalar("SELECT split_part(current_setting('server_version'), ' ', 1)");
        version.fetch_one(&mut self.connection().await).await.unwrap()
    }

    /// Creates an empty database.
    pub(crate) async fn create(&self, name: &str) -> Database {
        self.run(&format!("CREATE DATABASE {name}")).await;
        Database { server: self.clone(), name: name.to_owned(), port: self.port() }
    }

    /// Returns its port on the loopback address.
    pub(crate) fn port(&self) -> u16 {
        self.0.port().unwrap()
    }

    async fn run(&self, statement: &str) {
        let mut connection = self.connection().await;
        connection.execute(AssertSqlSafe(statement.to_owned())).await.unwrap();
    }

    async fn connection(&self) -> PgConnection {
        PgConnection::connect(self.0.as_str()).await.unwrap()
    }
}

impl Database {
    /// Returns the same database, reached by this port.
    pub(crate) fn by_way_of(&self, port: u16) -> Self {
        Self { port, ..self.clone() }
    }

    /// Returns its URL, without the password.
    pub(crate) fn url(&self) -> String {
        let mut url = self.with_password();
        url.set_password(None).unwrap();
        url.to_string()
    }

    fn with_password(&self) -> Url {
        let mut url = self.server.0.clone();
        url.set_port(Some(self.port)).unwrap();
        url.set_path(&self.name);
        url
    }

    /// Returns what a round trip takes, in milliseconds: the median of some.
    pub(crate) async fn round_trip_ms(&self) -> f64 {
        let mut session = self.session().await;
        let mut trips = Vec::new();
        for _ in 0..ROUND_TRIPS {
            let began = Instant::now();
            session.execute("SELECT 1").await.unwrap();
            trips.push(began.elapsed());
        }
        trips.sort_unstable();
        trips[ROUND_TRIPS / 2].as_secs_f64() * 1_000.0
    }

    /// Returns the password of the server.
    pub(crate) fn password(&self) -> &str {
        self.server.0.password().unwrap()
    }

    /// Returns a session in it.
    pub(crate) async fn session(&self) -> PgConnection {
        PgConnection::connect(self.with_password().as_str()).await.unwrap()
    }

    /// Copies it, while no process uses it.
    pub(crate) async fn copied(&self, name: &str) -> Self {
        self.server.run(&format!("CREATE DATABASE {name} TEMPLATE {}", self.name)).await;
        Self { name: name.to_owned(), ..self.clone() }
    }

    /// Deletes it.
    pub(crate) async fn dropped(self) {
        self.server.run(&format!("DROP DATABASE {} WITH (FORCE)", self.name)).await;
    }

    /// Returns what the server has done for it so far, once all of it is counted.
    pub(crate) async fn work(&self) -> ServerWork {
        sleep(COUNTED_WITHIN).await;
        let mut connection = self.server.connection().await;
        let of_statements = "SELECT COALESCE(SUM(s.calls) FILTER (WHERE s.query NOT LIKE ALL ($2)), 0)::FLOAT8, \
               COALESCE(SUM(s.shared_blks_hit + s.shared_blks_read), 0)::FLOAT8, COALESCE(SUM(s.wal_bytes), 0)::FLOAT8 \
             FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid WHERE d.datname = $1";
        let of_statements = sqlx::query_as(of_statements).bind(&self.name).bind(WITH_BEGIN.to_vec());
        let (round_trips, pages, wal_bytes) = of_statements.fetch_one(&mut connection).await.unwrap();
        let of_database = "SELECT xact_commit::FLOAT8, tup_returned::FLOAT8, \
               (tup_inserted + tup_updated + tup_deleted)::FLOAT8 FROM pg_stat_database WHERE datname = $1";
        let of_database = sqlx::query_as(of_database).bind(&self.name);
        let (commits, rows_read, rows_written) = of_database.fetch_one(&mut connection).await.unwrap();
        let backend: i32 =
            sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut connection).await.unwrap();
        let cpu_ms = process::family_cpu_ms(process::parent(u32::try_from(backend).unwrap()));
        ServerWork { round_trips, commits, rows_read, rows_written, pages, wal_bytes, cpu_ms }
    }
}

/// Applies `change` to each number of `first` and `second`.
pub(crate) fn combined(
    first: ServerWork,
    second: ServerWork,
    change: impl Fn(f64, f64) -> f64,
) -> ServerWork {
    ServerWork {
        round_trips: change(first.round_trips, second.round_trips),
        commits: change(first.commits, second.commits),
        rows_read: change(first.rows_read, second.rows_read),
        rows_written: change(first.rows_written, second.rows_written),
        pages: change(first.pages, second.pages),
        wal_bytes: change(first.wal_bytes, second.wal_bytes),
        cpu_ms: change(first.cpu_ms, second.cpu_ms),
    }
}
