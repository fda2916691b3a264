//! PostgreSQL and Redis as Fides needs them: on the loopback address, unprivileged, with data that is thrown away.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Result, anyhow};

use super::{
    machine::Machine,
    place::Place,
    process::{Process, Stop, command, to_log},
};
use crate::{
    programs::{
        secret_file,
        wait::{free_port, until},
    },
    shell::run,
};

/// Time for a server to start.
const PATIENCE: Duration = Duration::from_mins(2);

/// The name of PostgreSQL's user. Its database is the one that each installation has.
pub(super) const USER: &str = "fides";
pub(super) const DATABASE: &str = "postgres";

/// A server, and what a client needs.
pub(super) struct Server {
    pub(super) port: u16,
    pub(super) password: String,
    _process: Process,
}

/// Creates a database cluster in the temporary folder, and starts it.
pub(super) fn start_postgresql(machine: &Machine, place: &Place) -> Result<Server> {
    let (port, password) = (free_port()?, new_secret()?);
    let user = machine.user("postgres");
    let (folder, log) = (place.path("postgresql"), place.log("postgresql"));
    Machine::folder(&folder, user)?;
    let (data, password_file) = (folder.join("data"), folder.join("password"));
    secret_file::write(&password_file, &password)?;
    Machine::give(&password_file, 0o600, user)?;
    let mut initialise = command(machine.postgresql.join("initdb"), user, Stop::Interrupt);
    initialise.arg("--pgdata").arg(&data).arg("--pwfile").arg(&password_file);
    initialise.args(["--username", USER, "--auth", "scram-sha-256"]);
    initialise.args(["--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"]);
    run(initialise.current_dir(&folder).stdout(to_log(&log)?).stderr(to_log(&log)?))?;

    let mut server = command(machine.postgresql.join("postgres"), user, Stop::Interrupt);
    server.arg("-D").arg(&data).args(["-p", &port.to_string(), "-h", "127.0.0.1"]);
    // A crash of the machine ends the trial anyway, and no client uses the socket.
    server.args(["-c", "fsync=off", "-c", "unix_socket_directories="]);
    server.current_dir(&folder).stdin(Stdio::null()).stdout(to_log(&log)?);
    let mut process = Process::start("PostgreSQL", &mut server, &log, Stop::Interrupt)?;
    until("PostgreSQL", PATIENCE, || {
        process.is_running()?;
        let mut ready = Command::new(machine.postgresql.join("pg_isready"));
        let asked = ready.args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()]).status()?;
        Ok(asked.success().then_some(()))
    })?;
    Ok(Server { port, password, _process: process })
}

/// Starts Redis without persistence.
pub(super) fn start_redis(machine: &Machine, place: &Place) -> Result<Server> {
    let (port, password) = (free_port()?, new_secret()?);
    let user = machine.user("redis");
    let (folder, log) = (place.path("redis"), place.log("redis"));
    Machine::folder(&folder, user)?;
    let configuration = folder.join("redis.conf");
    let text = format!(
        "bind 127.0.0.1\nport {port}\nrequirepass {password}\ndir {}\nsave \"\"\nappendonly no\n",
        folder.display()
    );
    secret_file::write(&configuration, &text)?;
    Machine::give(&configuration, 0o600, user)?;
    let mut server = command(&machine.redis, user, Stop::Terminate);
    server.arg(&configuration).current_dir(&folder).stdin(Stdio::null()).stdout(to_log(&log)?);
    let mut process = Process::start("Redis", &mut server, &log, Stop::Terminate)?;
    until("Redis", PATIENCE, || {
        process.is_running()?;
        Ok(std::net::TcpStream::connect(("127.0.0.1", port)).ok().map(drop))
    })?;
    Ok(Server { port, password, _process: process })
}

/// Returns 128 random bits in hexadecimal.
pub(super) fn new_secret() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| anyhow!("no random numbers: {error}"))?;
    Ok(hex::encode(bytes))
}
