//! The service's process, its folder, and its clock.

use std::{
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use test_support::eventually;
use test_support::wait_for_exit;

use iterable_stand_in::{ProjectType, RateLimits, StandIn, Switches};
use serde_json::Value;
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// The token of the connection's webhooks.
pub(super) const TOKEN: &str = "t-0123456789";

/// Longer than a vendor needs to forget a person.
const OUTAGE: Duration = Duration::from_mins(11);

/// Work that is due within this time is awaited.
const SOON_MS: i64 = 5_000;

/// The folder of the service, and a vendor.
pub(super) struct Folder {
    pub(super) stand_in: StandIn,
    place: TempDir,
    /// How far the service's clock is ahead of the machine's.
    ahead_ms: AtomicU64,
    key: String,
}

/// A process that may not be ready yet. Killed when dropped.
pub(super) struct Starting(Option<Child>);

/// A process that answers.
pub(super) struct Service {
    pub(super) address: String,
    key: String,
    process: Starting,
}

impl Folder {
    pub(super) async fn new() -> Self {
        // A refusal because of rate limits is retried without confirmation, which here would hide a missing
        // confirmation.
        let switches = Switches { rate_limits: RateLimits::Off, ..Switches::default() };
        let stand_in =
            StandIn::builder().project(ProjectType::Email).switches(switches).start().await.unwrap();
        let folder = TempDir::new().unwrap();
        let (host, component) = (stand_in.address(), xtask::components::current("iterable").unwrap());
        let configuration = format!(
            "service = {{ master-key = {{ file = 'master.key' }}, listen = '127.0.0.1:0', compiled-cache = '{}' }}\n\
             plugins.iterable.file = '{}'\n\
             [tenants.acme]\n\
             [connections.newsletter]\ntenant = 'acme'\nplugin = 'iterable'\n\
             settings = {{ domain = '{host}' }}\n\
             secrets.api-key = {{ file = 'api.key' }}\n\
             webhook-tokens = [{{ file = 'webhook.token' }}]\n\
             [connections.newsletter.egress]\nhosts = ['{host}']\nloopback = true\nplain-http = true\n",
            xtask::components::code_cache().display(),
            component.display()
        );
        for (name, text) in [
            ("connector-host.toml", configuration.as_str()),
            ("master.key", &"ab".repeat(32)),
            ("api.key", stand_in.api_key()),
            ("webhook.token", TOKEN),
        ] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let mut made = Self { stand_in, place: folder, ahead_ms: AtomicU64::new(0), key: String::new() };
        let output = made.program(&["api-key", "create", "--name", "clients"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().clone_into(&mut made.key);
        made
    }

    /// The clients' key.
    pub(super) fn key(&self) -> String {
        self.key.clone()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    pub(super) fn program(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_connector-host"));
        command.arg("--config").arg(self.file("connector-host.toml")).args(arguments);
        command
    }

    pub(super) fn start(&self) -> Starting {
        let ahead = self.ahead_ms.load(Ordering::SeqCst).to_string();
        let mut command = self.program(&["--json", "serve", "--clock-ahead-ms", &ahead]);
        let log = std::fs::File::options().create(true).append(true).open(self.file("log")).unwrap();
        Starting(Some(command.stdout(Stdio::piped()).stderr(log).spawn().unwrap()))
    }

    pub(super) async fn database(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(self.file("connector-host.db"));
        SqliteConnection::connect_with(&options.busy_timeout(Duration::from_secs(5))).await.unwrap()
    }

    /// The machine is off for a while: everything that only waits for time is due afterwards.
    pub(super) fn outage(&self) {
        self.ahead_ms.fetch_add(u64::try_from(OUTAGE.as_millis()).unwrap(), Ordering::SeqCst);
        self.stand_in.clock().advance(OUTAGE);
    }

    pub(super) async fn open_requests(&self) -> i64 {
        self.count("SELECT COUNT(*) FROM open_requests").await
    }

    /// Ends once all remaining work is due only later.
    pub(super) async fn until_nothing_is_due(&self) {
        let due = "SELECT (SELECT COUNT(*) FROM deliveries WHERE state = 'waiting') + (SELECT COUNT(*) FROM open_requests r \
                   JOIN people p ON p.id = r.person WHERE r.state = 'running' \
                   OR r.state = 'waiting' AND MAX(r.next_at, p.settled_at) < ";
        let count = async || {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
            let ahead = i64::try_from(self.ahead_ms.load(Ordering::SeqCst)).unwrap();
            let soon = i64::try_from(now).unwrap() + ahead + SOON_MS;
            self.count(&format!("{due} {soon})")).await
        };
        eventually("nothing is due", count, |count| *count == 0).await;
    }

    async fn count(&self, sql: &str) -> i64 {
        let mut database = self.database().await;
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&mut database).await.unwrap()
    }
}

impl Starting {
    /// Waits until it reports its addresses.
    pub(super) async fn listening(mut self, key: &str) -> Service {
        let mut child = self.0.take().unwrap();
        let said = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
            (child, line)
        });
        let said = tokio::time::timeout(Duration::from_mins(2), said).await;
        let (child, line) = said.unwrap().unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        let address = said["listening"]["api"].as_str().unwrap().to_owned();
        Service { address, key: key.to_owned(), process: Self(Some(child)) }
    }

    /// Kills the process, like a power cut.
    pub(super) fn kill(self) {
        drop(self);
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

impl Service {
    pub(super) fn kill(self) {
        self.process.kill();
    }

    /// Stops the process, and waits until it has ended.
    pub(super) async fn stop(mut self) {
        let mut child = self.process.0.take().unwrap();
        let told = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
        assert!(told.success());
        let ended = tokio::task::spawn_blocking(move || wait_for_exit(&mut child)).await.unwrap();
        assert_eq!(ended.code(), Some(0));
    }

    async fn get(&self, path: &str) -> Value {
        let (status, said) =
            send(&self.address, "GET", path, &format!("authorization: Bearer {}", self.key), "")
                .await
                .unwrap();
        assert_eq!(status, 200, "{said}");
        serde_json::from_str(&said).unwrap()
    }

    /// Replays the requests that were set aside because the process repeatedly ended during their attempts.
    pub(super) async fn replay_what_was_set_aside(&self) {
        let failed = self.get("/api/v1/requests?state=failed&limit=500").await;
        for request in failed["requests"].as_array().unwrap() {
            assert!(request["reason"].as_str().unwrap().starts_with("the process ended"), "{request}");
            let path = format!("/api/v1/requests/{}/replay", request["id"].as_str().unwrap());
            let key = format!("authorization: Bearer {}", self.key);
            assert_eq!(send(&self.address, "POST", &path, &key, "").await.unwrap().0, 202);
        }
    }

    /// The people in the feed, once for each event.
    pub(super) async fn feed(&self) -> Vec<String> {
        let (mut told, mut cursor) = (Vec::new(), Value::from(0));
        loop {
            let page = self.get(&format!("/api/v1/consent-events?limit=1000&after={cursor}")).await;
            let events = page["events"].as_array().unwrap();
            if events.is_empty() {
                return told;
            }
            let email = |event: &Value| event["identity_map"]["email"].as_str().unwrap().to_owned();
            told.extend(events.iter().map(email));
            cursor = page["cursor"].clone();
        }
    }
}

/// Status and body of the answer; `None` if it is incomplete.
pub(super) async fn send(
    address: &str,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{headers}\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    // An answer that is cut off after its status still counts.
    let _cut = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let body = body.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default();
    Some((status, body.to_owned()))
}
