//! Fides itself: its webserver, its worker, and its job that polls.

use std::{
    ffi::OsStr,
    io::Write as _,
    process::{ChildStdin, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result};
use parking_lot::Mutex;
use xtask::components::root;

use super::{
    api::Api,
    environment::Environment,
    lines::Lines,
    place::Place,
    servers::{DATABASE, USER},
};
use crate::programs::{
    process::{Process, Stop, command, to_log},
    server::{Server, new_secret},
    wait::{free_port, until},
};

/// Time for the webserver to start: it first runs hundreds of migrations.
const PATIENCE: Duration = Duration::from_mins(10);
/// Time for the job that polls to start and to queue the tasks.
const POLL_PATIENCE: Duration = Duration::from_mins(2);
/// The name of the client that has all of Fides' scopes.
const ROOT_CLIENT: &str = "trial";

/// A running Fides. Programs end in the order of the fields.
pub(super) struct FidesServer {
    pub(super) api: Api,
    secret: String,
    poll: Mutex<Poll>,
    _worker: Process,
    _webserver: Process,
}

/// The program that runs Fides' polling job, which by itself runs once an hour.
struct Poll {
    input: ChildStdin,
    output: Lines,
    _process: Process,
}

impl FidesServer {
    /// Starts Fides, and waits until its webserver answers.
    pub(super) fn start(
        environment: &Environment,
        place: &Place,
        postgresql: &Server,
        redis: &Server,
    ) -> Result<Self> {
        // Fides lists the folders of its own connectors, which are not in its Python package.
        let folder = place.path("fides");
        for part in ["config", "dataset", "icon"] {
            std::fs::create_dir_all(folder.join("data/saas").join(part))?;
        }
        let icon = root().join("integrations/fides/connector_host/icon.svg");
        std::fs::copy(icon, folder.join("data/saas/icon/default.svg"))?;

        let (port, secret) = (free_port()?, new_secret()?);
        let address = format!("http://127.0.0.1:{port}");
        let settings = settings(postgresql, redis, &secret)?;
        let program = |name: &str| {
            let mut command = command(environment.program(name), None, Stop::Terminate);
            // Settings of another Fides of the operator do not count.
            for (name, _) in std::env::vars_os().filter(|(name, _)| is_setting(name)) {
                command.env_remove(name);
            }
            command.current_dir(&folder).envs(settings.iter().cloned()).stdin(Stdio::null());
            command
        };
        let log = place.log("fides-webserver");
        let mut webserver = program("uvicorn");
        webserver.args(["--host", "127.0.0.1", "--port", &port.to_string(), "fides.api.main:app"]);
        let mut webserver =
            Process::start("Fides' webserver", webserver.stdout(to_log(&log)?), &log, Stop::Terminate)?;
        let api = until("Fides' webserver", PATIENCE, || {
            webserver.is_running()?;
            Ok(Api::connect(&address, ROOT_CLIENT, &secret).ok())
        })?;
        let log = place.log("fides-worker");
        let mut worker = program("fides");
        let worker = worker.arg("worker").stdout(to_log(&log)?);
        let worker = Process::start("Fides' worker", worker, &log, Stop::Terminate)?;
        let poll = Mutex::new(Poll::start(&mut program("python"), place)?);
        Ok(Self { api, secret, poll, _worker: worker, _webserver: webserver })
    }

    /// Returns the name and the secret of the client that has all of Fides' scopes.
    pub(super) fn root_client(&self) -> (&str, &str) {
        (ROOT_CLIENT, &self.secret)
    }

    /// Polls now, as Fides does once an hour: queues every task that polls.
    pub(super) fn poll(&self) -> Result<()> {
        let mut poll = self.poll.lock();
        writeln!(poll.input, "poll")?;
        // Fides writes lines of its own.
        let polled = |line: &str| (line == "polled").then_some(());
        poll.output.find("the polling job, whose log is fides-poll.log", POLL_PATIENCE, polled)
    }
}

impl Poll {
    fn start(python: &mut Command, place: &Place) -> Result<Self> {
        let log = place.log("fides-poll");
        python.arg(root().join("integrations/fides/poll_now.py"));
        python.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = Process::start("Fides' polling job", python, &log, Stop::Terminate)?;
        let (input, output) = (process.input()?, Lines::of(process.output()?));
        Ok(Self { input, output, _process: process })
    }
}

fn is_setting(name: &OsStr) -> bool {
    name.to_string_lossy().starts_with("FIDES__")
}

/// Returns Fides' settings as environment variables.
fn settings(postgresql: &Server, redis: &Server, secret: &str) -> Result<Vec<(&'static str, String)>> {
    let text = str::to_owned;
    Ok(vec![
        // Allows hosts on the loopback address and hosts with a port.
        ("FIDES__DEV_MODE", text("true")),
        ("FIDES__DATABASE__SERVER", text("127.0.0.1")),
        ("FIDES__DATABASE__PORT", postgresql.port.to_string()),
        ("FIDES__DATABASE__USER", text(USER)),
        ("FIDES__DATABASE__PASSWORD", postgresql.password.clone()),
        ("FIDES__DATABASE__DB", text(DATABASE)),
        ("FIDES__REDIS__HOST", text("127.0.0.1")),
        ("FIDES__REDIS__PORT", redis.port.to_string()),
        ("FIDES__REDIS__PASSWORD", redis.password.clone()),
        ("FIDES__SECURITY__APP_ENCRYPTION_KEY", new_secret().context("no key")?),
        ("FIDES__SECURITY__OAUTH_ROOT_CLIENT_ID", text(ROOT_CLIENT)),
        ("FIDES__SECURITY__OAUTH_ROOT_CLIENT_SECRET", text(secret)),
        ("FIDES__SECURITY__AUTH_RATE_LIMIT", text("1000/minute")),
        // A queue between webserver and worker, as in production.
        ("FIDES__CELERY__TASK_ALWAYS_EAGER", text("false")),
        ("FIDES__EXECUTION__STATE_POLLING_INTERVAL", text("2")),
        // Its job cancels privacy requests that await a callback.
        ("FIDES__EXECUTION__INTERRUPTED_TASK_REQUEUE_INTERVAL", text("86400")),
        ("FIDES__USER__ANALYTICS_OPT_OUT", text("true")),
    ])
}
