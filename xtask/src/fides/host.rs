//! `connector-host serve` as Fides reaches it: at a socket that stays open while the program is restarted, with a date
//! that can be moved ahead.

use std::{fs, net::TcpListener, path::PathBuf, process::Stdio, time::Duration};

use anyhow::{Context as _, Result, ensure};
use command_fds::{CommandFdExt as _, FdMapping};
use parking_lot::Mutex;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::{Value, json};
use xtask::components;

use super::{lines::Lines, place::Place};
use crate::{
    programs::{
        client::Client,
        connector_host::{address_in, output_of},
        document::{list, says, text},
        process::{Process, Stop, command},
        secret_file, setup,
        stand_in::StandIn,
    },
    shell::shown,
};

/// The tenant, and its connection to the stand-in.
pub(super) const TENANT: &str = "acme";
pub(super) const CONNECTION: &str = "newsletter";
/// The id and the key of the notice.
pub(super) const NOTICE: &str = "marketing";

/// Time for the program to start.
const PATIENCE: Duration = Duration::from_mins(2);
/// Sets the variable that names the process, which a parent cannot know before it exists.
const FOR_ITSELF: [&str; 2] = ["-c", r#"export LISTEN_PID=$$; exec "$0" "$@""#];

/// The service.
pub(super) struct ConnectorHost {
    /// A client that may do everything.
    pub(super) api: Client,
    key: String,
    configuration: PathBuf,
    log: PathBuf,
    socket: TcpListener,
    running: Mutex<HostProcess>,
}

/// The process, if it is running.
struct HostProcess {
    process: Option<Process>,
    /// How far its date is ahead of the machine's.
    ahead: Duration,
}

impl ConnectorHost {
    /// Writes the configuration, creates a key for the operator, and starts the program. `platform` is Fides' address,
    /// to which consent events are forwarded.
    pub(super) fn start(place: &Place, platform: &str) -> Result<Self> {
        let folder = place.path("connector-host");
        fs::create_dir(&folder)?;
        let configuration = folder.join("connector-host.toml");
        let socket = TcpListener::bind("127.0.0.1:0")?;
        let address = format!("http://{}", socket.local_addr()?);
        fs::copy(components::current("iterable")?, folder.join("iterable.wasm"))?;
        secret_file::write(
            &folder.join("master-key"),
            output_of(&configuration, &["new-master-key"])?.trim(),
        )?;
        secret_file::write(&configuration, &written(&address, platform))?;
        let key = output_of(&configuration, &["api-key", "create", "--name", "operator"])?.trim().to_owned();
        let running = Mutex::new(HostProcess { process: None, ahead: Duration::ZERO });
        let api = Client::new(address, &key);
        let host = Self { api, key, configuration, log: place.log("connector-host"), socket, running };
        host.start_again()?;
        Ok(host)
    }

    /// Returns the operator's API key.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// Returns its address without the scheme, which is the template's `domain`.
    pub(super) fn domain(&self) -> &str {
        self.api.address.strip_prefix("http://").unwrap_or(&self.api.address)
    }

    /// Registers a notice, and creates the connection to the stand-in with a wrong key.
    pub(super) fn connect(&self, stand_in: &StandIn) -> Result<()> {
        let vendor = stand_in.host();
        setup::register_notice(&self.api, TENANT, NOTICE)?;
        let connection = json!({ "key": CONNECTION, "tenant": TENANT, "plugin": "iterable", "system": "crm",
            "settings": { "domain": vendor }, "secrets": { "api-key": "not-the-key" },
            "egress": { "hosts": [vendor], "loopback": true, "plain_http": true } });
        self.api.post("/api/v1/connection", &connection)?;
        Ok(())
    }

    /// Gives the connection the vendor's key, and maps a channel to the notice, for which the vendor is asked.
    pub(super) fn set_vendor_key(&self, key: &str) -> Result<()> {
        let secrets = json!({ "secrets": { "api-key": key } });
        self.api.patch(&format!("/api/v1/connection/{CONNECTION}"), &secrets)?;
        setup::map_channel(&self.api, CONNECTION, NOTICE)
    }

    /// Creates the key for Fides: it can send and read requests and consent of one connection, and test it.
    pub(super) fn key_for_fides(&self, callback: &str) -> Result<String> {
        let mut arguments = vec!["api-key", "create", "--name", "fides", "--tenant", TENANT];
        arguments.extend(["--connection", CONNECTION]);
        for scope in ["requests:read", "requests:write", "consent:write", "connections:read"] {
            arguments.extend(["--scope", scope]);
        }
        arguments.extend(["--callback-host", callback]);
        Ok(output_of(&self.configuration, &arguments)?.trim().to_owned())
    }

    /// Returns the newest request of the connection.
    pub(super) fn newest_request(&self) -> Result<Value> {
        self.newest(|_| true)
    }

    /// Returns the newest erasure of the connection.
    pub(super) fn newest_erasure(&self) -> Result<Value> {
        self.newest(|request| says(request, "/action", "erasure").is_ok())
    }

    fn newest(&self, is_wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        let page = self.api.get(&format!("/api/v1/requests?connection={CONNECTION}&limit=10"))?;
        let found = list(&page, "/requests")?.iter().find(|request| is_wanted(request));
        found.cloned().with_context(|| format!("no request in {page}"))
    }

    /// Puts a request that failed back in the queue.
    pub(super) fn replay(&self, request: &Value) -> Result<()> {
        self.api.post(&format!("/api/v1/requests/{}/replay", text(request, "/id")?), &json!({}))?;
        Ok(())
    }

    /// Stops the program. Clients that connect meanwhile wait.
    pub(super) fn stop(&self) {
        self.running.lock().process = None;
    }

    /// Returns whether a client has connected that no program has taken yet.
    pub(super) fn has_waiting_client(&self) -> Result<bool> {
        let mut socket = [PollFd::new(&self.socket, PollFlags::IN)];
        Ok(poll(&mut socket, Some(&Timespec::default()))? > 0)
    }

    /// Starts the program at the same socket.
    pub(super) fn start_again(&self) -> Result<()> {
        let mut running = self.running.lock();
        let ahead = running.ahead.as_millis().to_string();
        let mut serve = command("sh", None, Stop::Terminate);
        serve.args(FOR_ITSELF).arg(components::target_dir().join("debug/connector-host"));
        serve.arg("--config").arg(&self.configuration);
        serve.args(["--json", "serve", "--clock-ahead-ms", &ahead]);
        serve.env("LISTEN_FDS", "1").stdin(Stdio::null()).stdout(Stdio::piped());
        let socket = FdMapping { parent_fd: self.socket.try_clone()?.into(), child_fd: 3 };
        serve.fd_mappings(vec![socket])?;
        let mut process = Process::start("connector-host", &mut serve, &self.log, Stop::Terminate)?;
        let address = Lines::of(process.output()?)
            .find("the start of connector-host", PATIENCE, address_in)
            .with_context(|| format!("its log is {}", shown(&self.log)))?;
        ensure!(address == self.api.address, "it listens at {address}, not at {}", self.api.address);
        running.process = Some(process);
        Ok(())
    }

    /// Moves its date ahead, which needs a restart.
    pub(super) fn advance(&self, by: Duration) -> Result<()> {
        self.stop();
        self.running.lock().ahead += by;
        self.start_again()
    }
}

fn written(address: &str, platform: &str) -> String {
    let listen = address.strip_prefix("http://").unwrap_or(address);
    format!(
        r#"[service]
database = "service.db"
master-key = {{ file = "master-key" }}
listen = "{listen}"
public-url = "{address}"

[plugins.iterable]
file = "iterable.wasm"

[tenants.{TENANT}.forward]
form = "fides"
url = "{platform}"
"#
    )
}
