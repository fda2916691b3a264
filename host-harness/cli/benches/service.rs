//! Measures what the service accepts and carries out, as the program that operators run, over HTTP on loopback.
//! `cargo xtask bench` runs it and prints its tables.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a bench that cannot run has no result, and the printed numbers are small"
)]

#[path = "shared/client.rs"]
mod client;
#[path = "service/screens.rs"]
mod screens;

use std::{
    fmt::Write as _,
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use iterable_stand_in::{ProjectType, RateLimits, StandIn, Switches};
use serde_json::Value;
use tempfile::TempDir;

use self::client::{TOKEN, connected, deliver, fsyncs, metric, opt_out};

/// A run takes seconds; one that does not end fails.
const MAX_RUN: Duration = Duration::from_mins(10);

/// The number of connections of the large service.
const CONNECTIONS: usize = 1_000;
/// How long each level of intake is measured.
const INTAKE: Duration = Duration::from_secs(5);
const REQUESTS: usize = 3_000;

#[tokio::main]
async fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        // `cargo test --benches` only checks that it builds.
        return;
    }
    let switches = Switches { rate_limits: RateLimits::Off, ..Switches::default() };
    let stand_in = StandIn::builder().project(ProjectType::Email).switches(switches).start().await.unwrap();

    println!("\n| service | ready after | memory at rest |\n|---|---:|---:|");
    drop(ServiceProcess::start(&stand_in, 1).announced());
    let service = ServiceProcess::start(&stand_in, CONNECTIONS).announced();

    let fsyncs = fsyncs(service.folder.path());
    println!("\n{fsyncs} writes with fsync a second on that disk, one after the other");
    println!(
        "\n| webhooks, concurrent clients | acknowledged per second | per fsync | p50 | p99 |\n|---|---:|---:|---:|---:|"
    );
    for clients in [1, 16, 32, 64] {
        let mut waits = intake(&service, clients).await;
        waits.sort_unstable();
        let at = |percent: usize| waits[(waits.len() - 1) * percent / 100].as_secs_f64() * 1_000.0;
        let rate = waits.len() as f64 / INTAKE.as_secs_f64();
        let beside = rate / f64::from(fsyncs);
        println!("| {clients} | {rate:.0} | {beside:.1} | {:.1} ms | {:.1} ms |", at(50), at(99));
    }

    let (accepted, done) = requests(&service, service.connections).await;
    println!("\n| consent requests | a second |\n|---|---:|");
    println!(
        "| accepted, stored with fsync, 32 concurrent clients | {:.0} |",
        REQUESTS as f64 / accepted.as_secs_f64()
    );
    println!(
        "| carried out, at all connections in turns, from the first accepted to the last done | {:.0} |",
        REQUESTS as f64 / done.as_secs_f64()
    );
    let (_, done) = requests(&service, 1).await;
    println!("| the same at one connection | {:.0} |", REQUESTS as f64 / done.as_secs_f64());
    println!("\nmemory after all that: {} MiB", service.memory_mib());
    screens::measure(service).await;
}

/// The program, its folder, and a client.
struct ServiceProcess {
    folder: TempDir,
    child: Child,
    address: String,
    key: String,
    connections: usize,
    ready_after: Duration,
}

impl Drop for ServiceProcess {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl ServiceProcess {
    fn start(stand_in: &StandIn, connections: usize) -> Self {
        let folder = TempDir::new().unwrap();
        configure(folder.path(), stand_in, connections);
        let made = program(folder.path()).args(["api-key", "create", "--name", "bench"]).output().unwrap();
        let key = String::from_utf8(made.stdout).unwrap().trim().to_owned();
        // The connections have been imported: from now on, every start is the same.
        let mut first = Self::run(folder.path()).0;
        first.kill().unwrap();
        first.wait().unwrap();
        let began = Instant::now();
        let (child, address) = Self::run(folder.path());
        let ready_after = began.elapsed();
        Self { folder, child, address, key, connections, ready_after }
    }

    /// Starts the program, and waits until it reports its addresses.
    fn run(folder: &Path) -> (Child, String) {
        let log = fs::File::create(folder.join("log")).unwrap();
        let mut serve = program(folder);
        serve.args(["--json", "--log", "warn", "serve"]).stdout(Stdio::piped()).stderr(log);
        let mut child = serve.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        (child, said["listening"]["api"].as_str().unwrap().to_owned())
    }

    /// Stops the program, has `fill` change its database, and starts it again.
    async fn filled_by(mut self, fill: impl AsyncFnOnce(&Path)) -> Self {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        fill(&self.folder.path().join("connector-host.db")).await;
        (self.child, self.address) = Self::run(self.folder.path());
        self
    }

    fn announced(self) -> Self {
        let (count, ready, memory) = (self.connections, self.ready_after.as_millis(), self.memory_mib());
        println!("| {count} connections | {ready} ms | {memory} MiB |");
        self
    }

    fn memory_mib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1_024
    }
}

fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_connector-host"));
    command.arg("--config").arg(folder.join("connector-host.toml"));
    command
}

fn configure(folder: &Path, stand_in: &StandIn, connections: usize) {
    let (host, component) = (stand_in.address(), xtask::components::current("iterable").unwrap());
    let mut text = format!(
        "service = {{ master-key = {{ file = 'master.key' }}, listen = '127.0.0.1:0' }}\n\
         plugins.iterable.file = '{}'\n[tenants.acme]\n",
        component.display()
    );
    for at in 0..connections {
        write!(
            text,
            "[connections.c{at}]\ntenant = 'acme'\nplugin = 'iterable'\nsettings = {{ domain = '{host}' }}\n\
             secrets.api-key = {{ file = 'api.key' }}\nwebhook-tokens = [{{ file = 'webhook.token' }}]\n\
             [connections.c{at}.egress]\nhosts = ['{host}']\nloopback = true\nplain-http = true\n"
        )
        .unwrap();
    }
    for (name, text) in [
        ("connector-host.toml", text.as_str()),
        ("master.key", &"ab".repeat(32)),
        ("api.key", stand_in.api_key()),
        ("webhook.token", TOKEN),
    ] {
        fs::write(folder.join(name), text).unwrap();
    }
}

/// The time of each acknowledgement, with `clients` that each send the next delivery once the last one is acknowledged.
async fn intake(service: &ServiceProcess, clients: usize) -> Vec<Duration> {
    let until = Instant::now() + INTAKE;
    let mut under_way = tokio::task::JoinSet::new();
    for client in 0..clients {
        let (address, connections) = (service.address.clone(), service.connections);
        under_way.spawn(async move {
            let mut stream = connected(&address).await;
            let mut waits = Vec::new();
            while Instant::now() < until {
                let connection = (client + waits.len() * clients) % connections;
                let email = format!("p-{clients}-{client}-{}@example.com", waits.len());
                let began = Instant::now();
                let status = deliver(&mut stream, connection, &email).await;
                waits.push(began.elapsed());
                assert_eq!(status, 200);
            }
            waits
        });
    }
    under_way.join_all().await.concat()
}

/// The time until all requests were accepted, spread over `connections`, and until all were done.
async fn requests(service: &ServiceProcess, connections: usize) -> (Duration, Duration) {
    const CLIENTS: usize = 32;
    let began = Instant::now();
    let mut under_way = tokio::task::JoinSet::new();
    for client in 0..CLIENTS {
        let (address, key) = (service.address.clone(), service.key.clone());
        under_way.spawn(async move {
            let mut stream = connected(&address).await;
            for at in (client..REQUESTS).step_by(CLIENTS) {
                let email = format!("r-{connections}-{at}@example.com");
                let status = opt_out(&mut stream, at % connections, &key, &email).await;
                assert_eq!(status, 202);
            }
        });
    }
    under_way.join_all().await;
    let accepted = began.elapsed();
    while open(service).await > 0 {
        assert!(began.elapsed() < MAX_RUN, "{} requests are still open", open(service).await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    (accepted, began.elapsed())
}

/// The number of unfinished requests, from the metrics.
async fn open(service: &ServiceProcess) -> u64 {
    metric(&service.address, &service.key, "connector_host_requests_open").await
}
