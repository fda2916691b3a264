//! `PgBouncer` on the loopback address, unprivileged, before a server of PostgreSQL.

use std::{
    net::TcpStream,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, Result};

use super::{
    process::{Process, Stop, command, to_log},
    secret_file,
    server::Server,
    unprivileged,
    wait::{free_port, until},
};
use crate::debian;

/// Debian's package.
pub(crate) const PACKAGE: &str = "pgbouncer";

/// Time for the pooler to start.
const PATIENCE: Duration = Duration::from_secs(20);

/// Connections to each database: fewer than its clients have, so that they are given each other's.
const CONNECTIONS: u16 = 4;

/// The program.
pub(crate) struct PgBouncer(PathBuf);

impl PgBouncer {
    /// Finds the program; `None` if there is none.
    pub(crate) fn find() -> Option<Self> {
        Some(PathBuf::from("/usr/sbin/pgbouncer")).filter(|file| file.exists()).map(Self)
    }

    /// Finds the program, or installs it. Fails with the command that would.
    pub(crate) fn prepare() -> Result<Self> {
        if let Some(found) = Self::find() {
            return Ok(found);
        }
        debian::install(&[PACKAGE])?;
        Self::find().context("the package of PgBouncer is installed, but its program was not found")
    }

    /// Starts a pooler of transactions in the new folder `folder`, for all databases of `server` and its `user`.
    pub(crate) fn start(&self, server: &Server, user: &str, folder: &Path, log: &Path) -> Result<Server> {
        let port = free_port()?;
        let runs_as = unprivileged::user("postgres");
        unprivileged::create_folder(folder, runs_as)?;
        let (settings, users) = (folder.join("pgbouncer.ini"), folder.join("users"));
        let password = &server.password;
        for (file, text) in [
            (&users, format!("\"{user}\" \"{password}\"\n")),
            (&settings, self::settings(server.port, port, &users)),
        ] {
            secret_file::write(file, &text)?;
            unprivileged::give(file, 0o600, runs_as)?;
        }
        let (program, folder, log) = (self.0.clone(), folder.to_owned(), log.to_owned());
        Server::start(port, password.clone(), move || {
            let mut pooler = command(&program, runs_as, Stop::Terminate);
            pooler.arg(&settings).current_dir(&folder).stdin(Stdio::null()).stdout(to_log(&log)?);
            let mut process = Process::start("PgBouncer", &mut pooler, &log, Stop::Terminate)?;
            until("PgBouncer", PATIENCE, || {
                process.is_running()?;
                Ok(TcpStream::connect(("127.0.0.1", port)).ok().map(drop))
            })?;
            Ok(process)
        })
    }
}

/// Returns the settings of a pooler on `port`. The one parameter that it ignores is sent by the driver of the store.
fn settings(server_port: u16, port: u16, users: &Path) -> String {
    format!(
        "[databases]\n\
         * = host=127.0.0.1 port={server_port}\n\
         [pgbouncer]\n\
         listen_addr = 127.0.0.1\n\
         listen_port = {port}\n\
         unix_socket_dir =\n\
         auth_type = scram-sha-256\n\
         auth_file = {}\n\
         pool_mode = transaction\n\
         default_pool_size = {CONNECTIONS}\n\
         max_client_conn = 500\n\
         ignore_startup_parameters = extra_float_digits\n",
        users.display()
    )
}
