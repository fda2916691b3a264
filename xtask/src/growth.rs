//! What `cargo xtask bench --growth` measures, as it is written to a file: how the service grows with processes, with
//! connections, and beside a transaction that is held open.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::components::target_dir;

/// The environment variable with the URL of the server of `PostgreSQL` that the bench measures with, password included.
pub const SERVER: &str = "CONNECTOR_HOST_BENCH_POSTGRES";

/// Returns the file with the figures of the last run.
pub fn file() -> PathBuf {
    target_dir().join("growth.json")
}

/// The figures of a run.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Figures {
    /// What it ran on.
    pub machine: MeasuredMachine,
    /// A service for each kind of database, number of processes and number of connections.
    pub services: Vec<MeasuredService>,
    /// Services whose server is further away than on the same machine.
    pub far: Vec<MeasuredService>,
    /// The queue by itself, without and with a transaction that is held open.
    pub claims: Vec<Claims>,
}

/// What a run was measured on.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct MeasuredMachine {
    /// The day, such as `2026-11-30`.
    pub day: String,
    /// The processor's name.
    pub processor: String,
    /// The number of its cores.
    pub cores: usize,
    /// The version of `PostgreSQL`.
    pub postgresql: String,
    /// Writes with fsync a second on the disk, one after the other.
    pub fsyncs: u32,
}

/// A kind of database.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub enum DatabaseKind {
    /// A file.
    #[serde(rename = "SQLite")]
    Sqlite,
    /// A server.
    #[serde(rename = "PostgreSQL")]
    Postgresql,
}

/// A service under load.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct MeasuredService {
    /// Where it stores.
    pub database: DatabaseKind,
    /// The number of its processes.
    pub processes: u32,
    /// The number of its connections to vendors.
    pub connections: u32,
    /// What a round trip to the server takes, in milliseconds; `None` for a file.
    pub round_trip_ms: Option<f64>,
    /// How long the last process needed until it was ready, in milliseconds.
    pub ready_ms: f64,
    /// The memory of the largest process before the load, in MiB.
    pub rest_mib: f64,
    /// The most memory that a process had, in MiB.
    pub peak_mib: f64,
    /// What each process costs the server while there is nothing to do, a second; `None` for a file.
    pub at_rest: Option<ServerWork>,
    /// Webhooks.
    pub deliveries: Work,
    /// Requests.
    pub requests: Work,
}

/// How much of one kind of work was done, and what a piece of it cost.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Work {
    /// Acknowledged a second, each stored.
    pub taken_a_second: f64,
    /// Carried out a second, from the first one taken to the last one carried out.
    pub done_a_second: f64,
    /// Computing time of the processes of the service for each, in milliseconds.
    pub service_cpu_ms: f64,
    /// What each cost the server, without what it costs at rest; `None` for a file.
    pub server: Option<ServerWork>,
}

/// What a server of `PostgreSQL` did.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct ServerWork {
    /// Round trips: statements, of which those that are sent together with a `BEGIN` count once.
    pub round_trips: f64,
    /// Transactions that were committed.
    pub commits: f64,
    /// Rows and entries of indexes that were read.
    pub rows_read: f64,
    /// Rows that were inserted, changed or deleted.
    pub rows_written: f64,
    /// Pages that were looked at, in memory or on disk.
    pub pages: f64,
    /// Bytes of the write-ahead log.
    pub wal_bytes: f64,
    /// Computing time of the server, in milliseconds.
    pub cpu_ms: f64,
}

/// Claims over time.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Claims {
    /// Whether a transaction was held open beside it.
    pub held_open: bool,
    /// One interval after the other.
    pub over_time: Vec<ClaimsInterval>,
}

/// The claims of some seconds.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct ClaimsInterval {
    /// When it ended, in seconds since the beginning.
    pub seconds: f64,
    /// Requests that were stored, claimed and ended, a second.
    pub claims_a_second: f64,
    /// Time for each until it was found and claimed, in milliseconds.
    pub claim_ms: f64,
}
