//! PostgreSQL on the loopback address, unprivileged, with data that is thrown away.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result};

use super::{
    process::{Process, Stop, command, to_log},
    secret_file,
    server::{Server, new_secret},
    unprivileged,
    wait::{free_port, until},
};
use crate::{debian, shell::run};

/// Debian's package.
pub(crate) const PACKAGE: &str = "postgresql";

/// Time for the server to start.
const PATIENCE: Duration = Duration::from_mins(2);

/// No client uses the socket.
const OPTIONS: [&str; 1] = ["unix_socket_directories="];

/// What happens to the data in a crash of the machine.
#[derive(Clone, Copy)]
pub(crate) enum Durability {
    /// Nothing that was committed is lost, as in production.
    Durable,
    /// It is lost, which makes everything faster: the crash ends the run anyway.
    ThrownAway,
}

impl Durability {
    fn options(self) -> &'static [&'static str] {
        match self {
            Self::Durable => &[],
            Self::ThrownAway => &["fsync=off", "full_page_writes=off"],
        }
    }
}

/// The folder of `initdb` and `postgres`.
pub(crate) struct Programs(PathBuf);

impl Programs {
    /// Finds the programs of the newest version; `None` if there are none. The package of the clients has a folder for its version
    /// too, without a server in it.
    pub(crate) fn find() -> Option<Self> {
        let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
        let programs = |version: &u32| PathBuf::from(format!("/usr/lib/postgresql/{version}/bin"));
        let newest = versions
            .flatten()
            .filter_map(|version| version.file_name().to_str()?.parse().ok())
            .filter(|version| programs(version).join("initdb").exists())
            .max()?;
        Some(Self(programs(&newest)))
    }

    /// Finds the programs, or installs them. Fails with the command that would.
    pub(crate) fn prepare() -> Result<Self> {
        if let Some(found) = Self::find() {
            return Ok(found);
        }
        debian::install(&[PACKAGE])?;
        Self::find().context("the package of PostgreSQL is installed, but its programs were not found")
    }

    /// Creates a database cluster of `user` in the new folder `folder`, and starts it with `options` beside its own.
    pub(crate) fn start(
        &self,
        user: &str,
        folder: &Path,
        log: &Path,
        durability: Durability,
        options: &[&str],
    ) -> Result<Server> {
        let (port, password) = (free_port()?, new_secret()?);
        let runs_as = unprivileged::user("postgres");
        unprivileged::create_folder(folder, runs_as)?;
        let (data, password_file) = (folder.join("data"), folder.join("password"));
        secret_file::write(&password_file, &password)?;
        unprivileged::give(&password_file, 0o600, runs_as)?;
        let mut initialise = command(self.0.join("initdb"), runs_as, Stop::Interrupt);
        initialise.arg("--pgdata").arg(&data).arg("--pwfile").arg(&password_file);
        initialise.args(["--username", user, "--auth", "scram-sha-256"]);
        initialise.args(["--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"]);
        run(initialise.current_dir(folder).stdout(to_log(log)?).stderr(to_log(log)?))?;
        let options: Vec<String> = OPTIONS
            .iter()
            .chain(durability.options())
            .chain(options)
            .map(|option| (*option).to_owned())
            .collect();
        let (programs, folder, log) = (self.0.clone(), folder.to_owned(), log.to_owned());
        Server::start(port, password, move || {
            let mut server = command(programs.join("postgres"), runs_as, Stop::Interrupt);
            server.arg("-D").arg(&data).args(["-p", &port.to_string(), "-h", "127.0.0.1"]);
            for option in &options {
                server.args(["-c", option]);
            }
            server.current_dir(&folder).stdin(Stdio::null()).stdout(to_log(&log)?);
            let mut process = Process::start("PostgreSQL", &mut server, &log, Stop::Interrupt)?;
            until("PostgreSQL", PATIENCE, || {
                process.is_running()?;
                let mut ready = Command::new(programs.join("pg_isready"));
                let asked = ready.args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()]).status()?;
                Ok(asked.success().then_some(()))
            })?;
            Ok(process)
        })
    }
}
