//! Replicas of the service on PostgreSQL, by way of a pooler, with the stand-in as the vendor.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, Result};
use parking_lot::Mutex;
use serde_json::json;
use xtask::components;

use super::{
    client::Client,
    connector_host::{command, output_of},
    database::DatabasePrograms,
    postgresql::Durability,
    process::{Process, Stop},
    secret_file,
    server::Server,
    setup,
    stand_in::StandIn,
    unprivileged,
    wait::{free_port, until},
};

/// Time for a replica to start.
const PATIENCE: Duration = Duration::from_mins(2);

/// The user of the database.
const USER: &str = "service";

/// What the server does not need for a run.
const OPTIONS: [&str; 2] = ["wal_level=minimal", "max_wal_senders=0"];

/// The webhook that exists at the stand-in from the start.
const WEBHOOK: i64 = 4711;

/// The processes of a service with replicas, which end when this is dropped.
pub(crate) struct Cluster {
    postgres: Mutex<Server>,
    pooler: Mutex<Server>,
    replicas: Vec<Replica>,
    pub(crate) key: String,
}

/// A replica that can be killed and started again at the same address.
struct Replica {
    name: &'static str,
    configuration: PathBuf,
    address: String,
    /// How far its clock is ahead of the database's, in seconds.
    ahead: Mutex<u32>,
    process: Mutex<Option<Process>>,
}

impl Cluster {
    /// Starts replicas with these names and everything else in `folder`, with the connection `newsletter` of the tenant `acme` to the stand-in.
    pub(crate) fn start(
        programs: &DatabasePrograms,
        folder: &Path,
        stand_in: &StandIn,
        names: &[&'static str],
    ) -> Result<Self> {
        unprivileged::give(folder, 0o711, None)?;
        let log = folder.join("postgresql.log");
        let data = folder.join("postgresql");
        let postgres = programs.postgresql.start(USER, &data, &log, Durability::ThrownAway, &OPTIONS)?;
        let pooler = programs.pgbouncer.start(
            &postgres,
            USER,
            &folder.join("pgbouncer"),
            &folder.join("pgbouncer.log"),
        )?;
        fs::copy(components::current("iterable")?, folder.join("iterable.wasm"))?;
        secret_file::write(&folder.join("password"), &postgres.password)?;
        let mut replicas = Vec::new();
        for name in names {
            let (configuration, port) = (folder.join(format!("{name}.toml")), free_port()?);
            fs::write(&configuration, written(pooler.port, postgres.port, port))?;
            let address = format!("http://127.0.0.1:{port}");
            replicas.push(Replica {
                name,
                configuration,
                address,
                ahead: Mutex::default(),
                process: Mutex::default(),
            });
        }
        let first = &replicas.first().context("no replica")?.configuration;
        let master_key = output_of(&folder.join("none.toml"), &["new-master-key"])?;
        secret_file::write(&folder.join("master-key"), master_key.trim())?;
        // The first one creates the tables and compiles the plugin.
        for replica in &replicas {
            replica.start()?;
            replica.is_up()?;
        }
        let key = output_of(first, &["api-key", "create", "--name", "load"])?.trim().to_owned();
        let cluster = Self { postgres: Mutex::new(postgres), pooler: Mutex::new(pooler), replicas, key };
        cluster.connect(stand_in)?;
        Ok(cluster)
    }

    /// Creates the connection, and has the stand-in's webhook post to the second replica.
    fn connect(&self, stand_in: &StandIn) -> Result<()> {
        let host = stand_in.host();
        let body = json!({
            "key": "newsletter", "tenant": "acme", "plugin": "iterable", "system": "crm",
            "settings": { "domain": host, "webhook-id": WEBHOOK.to_string() },
            "secrets": { "api-key": stand_in.key },
            "egress": { "hosts": [host], "loopback": true, "plain_http": true },
        });
        let api = self.api(0);
        api.post("/api/v1/connection", &body)?;
        setup::register_notice(&api, "acme", "n-marketing")?;
        setup::map_channel(&api, "newsletter", "n-marketing")?;
        let second = self.api(1);
        second.once("/api/v1/connection/newsletter/test", |test| test.pointer("/checks").is_some())?;
        setup::aim_webhook(&second, stand_in, "newsletter", WEBHOOK)
    }

    /// Returns the number of replicas.
    pub(crate) fn size(&self) -> usize {
        self.replicas.len()
    }

    /// Returns a client of the replica with this number, counted around.
    pub(crate) fn api(&self, number: usize) -> Client {
        let replica = self.replicas.get(number % self.size().max(1));
        Client::new(replica.map(|replica| replica.address.clone()).unwrap_or_default(), &self.key)
    }

    /// Kills a replica, as a power cut would.
    pub(crate) fn kill(&self, number: usize) {
        if let Some(process) = self.replicas.get(number).and_then(|replica| replica.process.lock().take()) {
            process.kill();
        }
    }

    /// Starts a replica that was killed.
    pub(crate) fn start_again(&self, number: usize) -> Result<()> {
        self.replicas.get(number).map_or(Ok(()), Replica::start)
    }

    /// Stops a replica from running, as a machine that is suspended does.
    pub(crate) fn freeze(&self, number: usize) {
        if let Some(replica) = self.replicas.get(number) {
            replica.process.lock().as_ref().map(Process::freeze);
        }
    }

    /// Lets a replica run again.
    pub(crate) fn resume(&self, number: usize) {
        if let Some(replica) = self.replicas.get(number) {
            replica.process.lock().as_ref().map(Process::resume);
        }
    }

    /// Starts the replicas again that have ended, as a service manager does.
    pub(crate) fn supervise(&self) -> Result<()> {
        for replica in &self.replicas {
            let has_ended =
                replica.process.lock().as_mut().is_some_and(|process| process.is_running().is_err());
            if has_ended {
                drop(replica.process.lock().take());
                replica.start()?;
            }
        }
        Ok(())
    }

    /// Restarts PostgreSQL.
    pub(crate) fn restart_postgres(&self) -> Result<()> {
        self.postgres.lock().restart()
    }

    /// Restarts the pooler.
    pub(crate) fn restart_pooler(&self) -> Result<()> {
        self.pooler.lock().restart()
    }

    /// Restarts every replica with a clock that is this many seconds ahead, and waits until all of them serve.
    pub(crate) fn advance(&self, seconds: u32) -> Result<()> {
        for replica in &self.replicas {
            drop(replica.process.lock().take());
            *replica.ahead.lock() = seconds;
            replica.start()?;
        }
        self.replicas.iter().try_for_each(Replica::is_up)
    }

    /// Returns what the replicas have logged.
    pub(crate) fn logs(&self) -> Result<String> {
        let read = |replica: &Replica| fs::read_to_string(replica.configuration.with_extension("log"));
        Ok(self.replicas.iter().map(read).collect::<Result<Vec<_>, _>>()?.concat())
    }

    /// Returns the configuration of a replica, for commands on the database.
    pub(crate) fn configuration(&self) -> Result<&Path> {
        Ok(&self.replicas.first().context("no replica")?.configuration)
    }
}

impl Replica {
    fn start(&self) -> Result<()> {
        let log = self.configuration.with_extension("log");
        let mut serve = command(&self.configuration, &["serve"]);
        let ahead = u64::from(*self.ahead.lock()) * 1_000;
        if ahead > 0 {
            // Only a program for tests can be ahead.
            serve.args(["--clock-ahead-ms", &ahead.to_string()]);
        }
        serve.stdin(Stdio::null()).stdout(File::options().create(true).append(true).open(&log)?);
        *self.process.lock() = Some(Process::start(self.name, &mut serve, &log, Stop::Terminate)?);
        Ok(())
    }

    /// Waits until the replica answers, and starts it again if it has ended meanwhile.
    fn is_up(&self) -> Result<()> {
        let client = Client::new(self.address.clone(), "none");
        until(self.name, PATIENCE, || {
            let has_ended = self.process.lock().as_mut().is_none_or(|process| process.is_running().is_err());
            if has_ended {
                self.start()?;
            }
            Ok(client.get("/ready").ok().map(drop))
        })
    }
}

fn written(pooler: u16, direct: u16, port: u16) -> String {
    format!(
        r#"[service]
database = "postgres://{USER}@127.0.0.1:{pooler}/postgres"
listen-url = "postgres://{USER}@127.0.0.1:{direct}/postgres"
database-password = {{ file = "password" }}
master-key = {{ file = "master-key" }}
listen = "127.0.0.1:{port}"
public-url = "http://127.0.0.1:{port}"
erasure-ledger = "{port}.erasures"

[plugins.iterable]
file = "iterable.wasm"

[tenants.acme]
"#
    )
}
