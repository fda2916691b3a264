//! `connector-host serve` as an operator runs it, its API, and the platform that it notifies.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use parking_lot::Mutex;
use serde_json::{Value, json};
use xtask::components::target_dir;

use super::host::Host;

/// How long to wait for a condition before giving up.
const PATIENCE: Duration = Duration::from_mins(1);

/// The file of the service's log, next to its configuration.
const LOG: &str = "service.log";

/// The service's process, and the platform that it forwards events to.
pub(super) struct Service {
    configuration: PathBuf,
    key: String,
    running: Mutex<Running>,
    platform: Platform,
}

/// Runs until dropped.
struct Running {
    child: Child,
    address: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _gone = self.child.kill().and_then(|()| self.child.wait());
    }
}

impl Service {
    /// Writes its configuration next to that of `host`, creates its keys, and starts it.
    pub(super) fn start(host: &Host) -> Result<Self> {
        let platform = Platform::listen()?;
        let configuration = host.file("service.toml");
        for leftover in ["service.db", "service.db-wal", "service.db-shm", LOG] {
            let _absent = fs::remove_file(host.file(leftover));
        }
        host.write("forward-secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?;
        host.write("master-key", output_of(&configuration, &["new-master-key"])?.trim())?;
        host.write("service.toml", &written(&platform.address, free_port()?))?;
        let key = output_of(&configuration, &["api-key", "create", "--name", "demo"])?.trim().to_owned();
        let running = Mutex::new(Running::start(&configuration)?);
        Ok(Self { configuration, key, running, platform })
    }

    /// Returns the path of its log.
    pub(super) fn log(&self) -> PathBuf {
        self.configuration.with_file_name(LOG)
    }

    /// Kills the process, as a power cut would, and restarts it.
    pub(super) fn kill_and_restart(&self) -> Result<()> {
        let mut running = self.running.lock();
        running.child.kill()?;
        running.child.wait()?;
        *running = Running::start(&self.configuration)?;
        Ok(())
    }

    /// Returns its address, such as `http://127.0.0.1:7400`.
    pub(super) fn address(&self) -> String {
        self.running.lock().address.clone()
    }

    pub(super) fn get(&self, path: &str) -> Result<Value> {
        let address = format!("{}{path}", self.address());
        let asked = ureq::get(&address).header("authorization", format!("Bearer {}", self.key)).call();
        Ok(asked.with_context(|| format!("GET {path}"))?.body_mut().read_json()?)
    }

    pub(super) fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let address = format!("{}{path}", self.address());
        let asked =
            ureq::post(&address).header("authorization", format!("Bearer {}", self.key)).send_json(body);
        Ok(asked.with_context(|| format!("POST {path}"))?.body_mut().read_json()?)
    }

    pub(super) fn put(&self, path: &str, body: &Value) -> Result<()> {
        let address = format!("{}{path}", self.address());
        let asked =
            ureq::put(&address).header("authorization", format!("Bearer {}", self.key)).send_json(body);
        asked.with_context(|| format!("PUT {path}"))?;
        Ok(())
    }

    /// Returns the response for `path` once `wanted` returns true for it.
    pub(super) fn once(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        until(&format!("GET {path}"), || Ok(Some(self.get(path)?).filter(&wanted)))
    }

    /// Returns the first event for which `wanted` returns true, once the platform has received it. Each was signed.
    pub(super) fn received(&self, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        until("a forwarded event", || {
            let told = self.platform.told.lock();
            Ok(told.iter().find(|event| wanted(event)).cloned())
        })
    }
}

impl Running {
    fn start(configuration: &Path) -> Result<Self> {
        let path = configuration.with_file_name(LOG);
        let log = fs::File::options().create(true).append(true).open(&path)?;
        let mut serve = command(configuration, &["--json", "serve"]);
        let mut child = serve.stdout(Stdio::piped()).stderr(log).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().context("no output")?).read_line(&mut line)?;
        let line: Value = serde_json::from_str(&line)
            .with_context(|| format!("connector-host serve did not start; its log is {}", path.display()))?;
        let address = line.pointer("/listening/api").and_then(Value::as_str).context("no address")?;
        Ok(Self { child, address: format!("http://{address}") })
    }
}

/// The platform: receives the forwarded events.
struct Platform {
    address: String,
    told: Arc<Mutex<Vec<Value>>>,
}

impl Platform {
    fn listen() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = format!("http://{}/", listener.local_addr()?);
        let told: Arc<Mutex<Vec<Value>>> = Arc::default();
        let kept = Arc::clone(&told);
        // The thread ends with the demonstration.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if let Ok(event) = receive_event(stream) {
                    kept.lock().push(event);
                }
            }
        });
        Ok(Self { address, told })
    }
}

/// Receives and acknowledges one signed event.
fn receive_event(stream: TcpStream) -> Result<Value> {
    let mut reader = BufReader::new(stream);
    let (mut length, mut is_signed) = (0, false);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim().to_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse()?;
        }
        is_signed |= line.starts_with("webhook-signature: v1,");
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let status = if is_signed { "204 No Content" } else { "401 Unauthorized" };
    let mut stream = reader.into_inner();
    write!(stream, "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")?;
    if !is_signed {
        bail!("an event without a signature");
    }
    Ok(serde_json::from_slice(&body)?)
}

/// Polls until there is a result.
fn until<T>(what: &str, mut ask: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if let Some(answer) = ask()? {
            return Ok(answer);
        }
        thread::sleep(Duration::from_millis(20));
    }
    bail!("{what} is not as expected after {} s", PATIENCE.as_secs())
}

fn command(configuration: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(target_dir().join("debug/connector-host"));
    command.arg("--config").arg(configuration).args(arguments);
    command
}

/// Returns the output of a command.
fn output_of(configuration: &Path, arguments: &[&str]) -> Result<String> {
    let output = command(configuration, arguments).output()?;
    if !output.status.success() {
        bail!("`connector-host {}`: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Returns a free port: the service must return at the same one after a restart.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn written(platform: &str, port: u16) -> String {
    format!(
        r#"[service]
database = "service.db"
master-key = {{ file = "master-key" }}
listen = "127.0.0.1:{port}"
public-url = "http://127.0.0.1:{port}"

[plugins.iterable]
file = "iterable.wasm"

[tenants.acme.forward]
url = "{platform}"
secret = {{ file = "forward-secret" }}
"#
    )
}

/// Returns the request body that creates a connection to the stand-in at `host`.
pub(super) fn connection(host: &str, api_key: &str, webhook: i64) -> Value {
    json!({
        "key": "marketing", "tenant": "acme", "plugin": "iterable", "system": "crm",
        "settings": { "domain": host, "webhook-id": webhook.to_string() },
        "secrets": { "api-key": api_key },
        "egress": { "hosts": [host], "loopback": true, "plain_http": true },
    })
}
