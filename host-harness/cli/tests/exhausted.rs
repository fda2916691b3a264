//! The service with scarce resources: few file descriptors, and a full disk.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed set-up fails the test")]

#[path = "cli/operator.rs"]
mod operator;

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, Command, Stdio},
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use operator::{Operator, TOKEN};
use parking_lot::Mutex;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::Value;
use test_support::{eventually, exit_in_time};

/// The maximum wait of a test.
const DEADLINE: Duration = Duration::from_secs(30);

/// Few descriptors; a write beyond the limit of file sizes is an error and does not end the process.
const WITH_LITTLE: &str = r#"ulimit -n 256; trap "" XFSZ; exec "$0" "$@""#;

const HOOK: &str = "/api/v1/plus/connection/newsletter/consent-webhook";
const OPT_OUT: &str =
    r#"{"email":"ada@example.com","eventName":"emailUnSubscribe","dataFields":{"channelIds":[6539]}}"#;

struct Serving {
    child: Child,
    api: String,
    webhooks: String,
    log: Arc<Mutex<Vec<String>>>,
    key: String,
}

impl Serving {
    async fn start(operator: &Operator) -> Self {
        std::fs::write(operator.config().with_file_name("master.key"), "ab".repeat(32)).unwrap();
        let text = std::fs::read_to_string(operator.config()).unwrap();
        let service = format!(
            "[service]\nmaster-key = {{ file = 'master.key' }}\nlisten = '127.0.0.1:0'\n\
             webhook-listen = '127.0.0.1:0'\ncompiled-cache = '{}'\n",
            xtask::components::code_cache().display()
        );
        std::fs::write(operator.config(), format!("{service}{text}")).unwrap();
        let made = operator.run(&["api-key", "create", "--name", "ops"]).await;
        assert_eq!(made.code, 0, "{}", made.err);
        let key = made.out.trim().to_owned();
        let mut child = Command::new("sh")
            .args(["-c", WITH_LITTLE, env!("CARGO_BIN_EXE_connector-host")])
            .args(["--config", operator.config().to_str().unwrap(), "--json", "serve"])
            .env("ITERABLE_API_KEY", operator.stand_in.api_key())
            .env("WEBHOOK_TOKEN", TOKEN)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (said, lines) = mpsc::channel();
        let out = BufReader::new(child.stdout.take().unwrap()).lines();
        std::thread::spawn(move || {
            for line in out.map_while(Result::ok) {
                // Only the first line is awaited.
                let _unheard = said.send(line);
            }
        });
        let line = lines.recv_timeout(DEADLINE);
        if line.is_err() {
            let _gone = child.kill();
        }
        let line = line.unwrap();
        let line: Value = serde_json::from_str(&line).unwrap();
        let address = |name: &str| line["listening"][name].as_str().unwrap().to_owned();
        let (log, lines) = (Arc::default(), BufReader::new(child.stderr.take().unwrap()).lines());
        let kept: Arc<Mutex<Vec<String>>> = Arc::clone(&log);
        // Reads until the process ends, since a full pipe would block it.
        std::thread::spawn(move || {
            lines.map_while(Result::ok).for_each(|line| kept.lock().push(line));
        });
        Self { child, api: address("api"), webhooks: address("webhooks"), log, key }
    }

    /// The answer of the API; `None` if the connection is refused.
    fn ask(&self, method: &str, path: &str, body: &str) -> Option<String> {
        let headers = format!("authorization: Bearer {}\r\ncontent-type: application/json\r\n", self.key);
        send(&self.api, method, path, &headers, body)
    }

    fn deliver(&self) -> Option<String> {
        send(&self.webhooks, "POST", HOOK, &format!("authorization: Bearer {TOKEN}\r\n"), OPT_OUT)
    }

    /// The number of log lines with these words.
    fn lines(&self, words: &str) -> usize {
        self.log.lock().iter().filter(|line| line.contains(words)).count()
    }

    /// Waits for a log line with these words.
    async fn logs(&self, words: &str) {
        eventually(words, async || self.lines(words), |lines| *lines > 0).await;
    }

    /// Limits the size of its files from now on.
    fn limit_files(&self, bytes: Option<u64>) {
        let id = Pid::from_child(&self.child);
        prlimit(Some(id), Resource::Fsize, Rlimit { current: bytes, maximum: None }).unwrap();
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended already.
        let _gone = self.child.kill();
        exit_in_time(&mut self.child);
    }
}

/// The answer: status, head and body. `None` if the connection ends without one.
fn send(to: &str, method: &str, path: &str, headers: &str, body: &str) -> Option<String> {
    let mut stream = TcpStream::connect(to).ok()?;
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n"
    );
    stream.write_all(format!("{head}{body}").as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.strip_prefix("HTTP/1.1 ").map(str::to_owned)
}

/// Repeats a request until the answer has `status`.
async fn until(status: &str, ask: impl Fn() -> Option<String>) -> String {
    eventually(status, async || ask().unwrap_or_default(), |answer| answer.starts_with(status)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn four_hundred_idle_clients_of_the_webhooks_leave_the_api_its_descriptors() {
    let operator = Operator::new().await;
    let serving = Serving::start(&operator).await;
    assert!(serving.deliver().unwrap().starts_with("200 "));

    let idle: Vec<_> = (0..400).map(|_| TcpStream::connect(&serving.webhooks).unwrap()).collect();
    let refused = || {
        let metrics = serving.ask("GET", "/metrics", "").expect("the API answers");
        let refused = metrics.lines().find_map(|line| {
            line.strip_prefix("connector_host_connections_refused_total{listener=\"webhooks\"} ")
        });
        refused.map_or(0, |count| count.parse::<u64>().unwrap())
    };
    let begun = Instant::now();
    while refused() < 400 - 85 {
        assert!(begun.elapsed() < DEADLINE, "{} are refused", refused());
    }
    serving.logs("connections are refused").await;
    assert_eq!(serving.deliver(), None);
    // The database and a request to the vendor need descriptors too.
    for path in ["/health", "/ready", "/api/v1/connection", "/api/v1/connection/newsletter/test"] {
        let answer = serving.ask("GET", path, "").unwrap();
        assert!(answer.starts_with("200 "), "{path}: {answer}");
    }
    assert_eq!((serving.lines("connections are refused"), serving.lines("Too many open files")), (1, 0));

    drop(idle);
    until("200 ", || serving.deliver()).await;
    serving.logs("fewer connections are accepted than configured").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_whose_disk_takes_nothing_is_not_ready_until_it_does() {
    let operator = Operator::new().await;
    let serving = Serving::start(&operator).await;
    let ready = || serving.ask("GET", "/ready", "");
    let write = || {
        serving.ask(
            "PUT",
            "/api/v1/tenants/acme/systems/crm",
            r#"{"fides_key": "crm", "name": "Mail", "data_uses": []}"#,
        )
    };
    assert!(ready().unwrap().starts_with("200 "));
    assert!(write().unwrap().starts_with("20"));

    serving.limit_files(Some(0));
    let refused = write().unwrap();
    assert!(refused.starts_with("503 "), "{refused}");
    let not_ready = ready().unwrap();
    assert!(not_ready.starts_with("503 ") && not_ready.contains("problem:unavailable"), "{not_ready}");
    assert!(serving.ask("GET", "/health", "").unwrap().starts_with("200 "), "the process itself is up");

    serving.limit_files(None);
    until("200 ", ready).await;
    assert!(write().unwrap().starts_with("20"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_may_open_too_few_files_does_not_start_and_says_how_many_it_needs() {
    let operator = Operator::new().await;
    drop(Serving::start(&operator).await);
    let mut few = Command::new("sh")
        .args(["-c", r#"ulimit -n 100; exec "$0" "$@""#, env!("CARGO_BIN_EXE_connector-host")])
        .args(["--config", operator.config().to_str().unwrap(), "serve"])
        .env("ITERABLE_API_KEY", operator.stand_in.api_key())
        .env("WEBHOOK_TOKEN", TOKEN)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    if exit_in_time(&mut few).is_none() {
        // Has no exit code if it serves after all.
        few.kill().unwrap();
    }
    let few = few.wait_with_output().unwrap();
    assert_eq!(few.status.code(), Some(2));
    let error = String::from_utf8(few.stderr).unwrap();
    assert!(
        error.contains("the process may open 100 files, but needs at least 144: raise the limit"),
        "{error}"
    );
}
