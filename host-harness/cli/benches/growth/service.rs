//! The program as operators run it: its configuration, and its processes on one database.

use std::{
    fmt::Write as _,
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use iterable_stand_in::{ProjectType, RateLimits, StandIn, Switches};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::{client::TOKEN, process, server::Database};

/// The number of vendor accounts, each with a tenant of its own: enough that no vendor's limit ends the measurement.
const ACCOUNTS: usize = 10;

/// A service that is set up, and not running: its connections have been imported.
pub(crate) struct Installation {
    folder: TempDir,
    pub(crate) connections: usize,
    pub(crate) key: String,
    /// They run as long as the installation.
    vendors: Vec<StandIn>,
}

/// A process of a service.
pub(crate) struct Process {
    child: Child,
    pub(crate) address: String,
    pub(crate) ready_after: Duration,
}

impl Installation {
    /// Sets up a service with this number of connections, on a server's database or on a file.
    pub(crate) async fn new(connections: usize, database: Option<&Database>) -> Self {
        let (folder, vendors) = (TempDir::new().unwrap(), vendors().await);
        let path = folder.path();
        write_secrets(path, &vendors, database);
        let mut installation = Self { folder, connections, key: String::new(), vendors };
        let configuration = installation.configure(0, database);
        let created =
            program(&configuration).args(["api-key", "create", "--name", "bench"]).output().unwrap();
        installation.key = str::from_utf8(&created.stdout).unwrap().trim().into();
        // Imports the connections: from now on, every start is the same.
        installation.start(0, database).stop();
        installation
    }

    /// Starts the process with this number, counted from 0, and waits until it reports its address.
    pub(crate) fn start(&self, number: usize, database: Option<&Database>) -> Process {
        let configuration = self.configure(number, database);
        let log = fs::File::create(configuration.with_extension("log")).unwrap();
        let began = Instant::now();
        let mut serve = program(&configuration);
        serve.args(["--json", "--log", "warn", "serve"]).stdout(Stdio::piped()).stderr(log);
        let mut child = serve.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        let address = said["listening"]["api"].as_str().unwrap().to_owned();
        Process { child, address, ready_after: began.elapsed() }
    }

    /// Writes the configuration of the process with this number.
    fn configure(&self, number: usize, database: Option<&Database>) -> PathBuf {
        let component = xtask::components::current("iterable").unwrap();
        let mut text = format!(
            "plugins.iterable.file = '{}'\n[service]\nmaster-key = {{ file = 'master.key' }}\nlisten = '127.0.0.1:0'\n\
             erasure-ledger = '{number}.erasures'\ncompiled-cache = 'compiled'\n",
            component.display()
        );
        if let Some(database) = database {
            let url = database.url();
            write!(text, "database = '{url}'\ndatabase-password = {{ file = 'password' }}\n").unwrap();
        }
        for account in 0..ACCOUNTS {
            writeln!(text, "[tenants.t{account}]").unwrap();
        }
        for at in 0..self.connections {
            let account = at % ACCOUNTS;
            let host = self.vendors[account].address();
            write!(
                text,
                "[connections.c{at}]\ntenant = 't{account}'\nplugin = 'iterable'\nsettings = {{ domain = '{host}' }}\n\
                 secrets.api-key = {{ file = 'api-{account}.key' }}\nwebhook-tokens = [{{ file = 'webhook.token' }}]\n\
                 [connections.c{at}.egress]\nhosts = ['{host}']\nloopback = true\nplain-http = true\n"
            )
            .unwrap();
        }
        let configuration = self.folder.path().join(format!("{number}.toml"));
        fs::write(&configuration, text).unwrap();
        configuration
    }
}

impl Process {
    /// Returns its memory now, in MiB.
    pub(crate) fn memory_mib(&self) -> f64 {
        process::memory_mib(self.child.id(), "VmRSS:")
    }

    /// Returns the most memory that it has had, in MiB.
    pub(crate) fn peak_mib(&self) -> f64 {
        process::memory_mib(self.child.id(), "VmHWM:")
    }

    /// Returns its computing time so far, in milliseconds.
    pub(crate) fn cpu_ms(&self) -> f64 {
        process::cpu_ms(self.child.id())
    }

    /// Stops it as a service manager does, and waits for its end.
    pub(crate) fn stop(mut self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended unless the bench failed.
        let _ended = self.child.kill().and_then(|()| self.child.wait().map(drop));
    }
}

/// Returns a command of the program, which ends with this one.
fn program(configuration: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--", env!("CARGO_BIN_EXE_connector-host"), "--config"]);
    command.arg(configuration);
    command
}

async fn vendors() -> Vec<StandIn> {
    let mut vendors = Vec::new();
    for _ in 0..ACCOUNTS {
        let switches = Switches { rate_limits: RateLimits::Off, ..Switches::default() };
        vendors
            .push(StandIn::builder().project(ProjectType::Email).switches(switches).start().await.unwrap());
    }
    vendors
}

fn write_secrets(folder: &Path, vendors: &[StandIn], database: Option<&Database>) {
    fs::write(folder.join("master.key"), "ab".repeat(32)).unwrap();
    fs::write(folder.join("webhook.token"), TOKEN).unwrap();
    fs::write(folder.join("password"), database.map_or("", Database::password)).unwrap();
    for (account, vendor) in vendors.iter().enumerate() {
        fs::write(folder.join(format!("api-{account}.key")), vendor.api_key()).unwrap();
    }
}
