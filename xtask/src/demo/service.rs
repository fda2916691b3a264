//! `connector-host serve` as an operator runs it, its API, and the platform that it notifies.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Stdio},
    sync::Arc,
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::{
    host::Host,
    publisher::{self, PUBLIC_KEY, SIGNED},
};
use crate::programs::{
    client::Client,
    connector_host::{command, listening, output_of},
    wait::{free_port, until},
};

/// How long to wait for a condition before giving up.
const PATIENCE: Duration = Duration::from_mins(1);

/// The exit code of a command that the service refused.
pub(super) const REFUSED: i32 = 2;

/// The file of the service's log, next to its configuration.
const LOG: &str = "service.log";

/// The file of its API key, next to its configuration.
const KEY: &str = "service-key";

/// The service's process, and the platform that it forwards events to.
pub(super) struct Service {
    configuration: PathBuf,
    pub(super) api: Client,
    running: Mutex<Running>,
    platform: Platform,
}

/// The exit code of a command, and the document that it printed.
pub(super) struct CommandEnd {
    pub(super) code: Option<i32>,
    pub(super) document: Value,
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
        publisher::create_key(host)?;
        // The service must return at the same port after a restart.
        host.write("service.toml", &written(&platform.address, free_port()?))?;
        let key = output_of(&configuration, &["api-key", "create", "--name", "demo"])?.trim().to_owned();
        host.write(KEY, &key)?;
        let running = Running::start(&configuration)?;
        let api = Client::new(running.address.clone(), &key);
        Ok(Self { configuration, api, running: Mutex::new(running), platform })
    }

    /// Returns the path of its API key.
    pub(super) fn key(&self) -> PathBuf {
        self.configuration.with_file_name(KEY)
    }

    /// Returns the path of its log.
    pub(super) fn log(&self) -> PathBuf {
        self.configuration.with_file_name(LOG)
    }

    /// Runs a command that asks this service, and returns its document. Fails if the exit code is not `code`.
    pub(super) fn command(&self, arguments: &[&str], code: i32) -> Result<Value> {
        let CommandEnd { code: found, document } = self.ran(arguments)?;
        if found != Some(code) {
            bail!("`connector-host {}` ended with {found:?}, not {code}: {document}", arguments.join(" "));
        }
        Ok(document)
    }

    /// Runs a command that asks this service, and whose exit code says something.
    pub(super) fn ran(&self, arguments: &[&str]) -> Result<CommandEnd> {
        let key = self.key();
        let (key, address) = (key.to_string_lossy(), &self.api.address);
        let service = ["--server", address, "--api-key-file", &key, "--json"];
        let output = command(&self.configuration, &[&service, arguments].concat()).output()?;
        let document = serde_json::from_slice(&output.stdout).context("connector-host printed no JSON")?;
        Ok(CommandEnd { code: output.status.code(), document })
    }

    /// Kills the process, as a power cut would, and restarts it.
    pub(super) fn kill_and_restart(&self) -> Result<()> {
        let mut running = self.running.lock();
        running.child.kill()?;
        running.child.wait()?;
        *running = Running::start(&self.configuration)?;
        Ok(())
    }

    /// Returns the first event for which `wanted` returns true, once the platform has received it. Each was signed.
    pub(super) fn received(&self, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        until("a forwarded event", PATIENCE, || {
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
        let address = listening(child.stdout.as_mut().context("no output")?)
            .with_context(|| format!("its log is {}", path.display()))?;
        Ok(Self { child, address })
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

fn written(platform: &str, port: u16) -> String {
    format!(
        r#"[service]
database = "service.db"
master-key = {{ file = "master-key" }}
listen = "127.0.0.1:{port}"
public-url = "http://127.0.0.1:{port}"

[plugins.iterable]
file = "iterable.wasm"

[trust.{SIGNED}]
keys = [{{ file = "{PUBLIC_KEY}" }}]

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
