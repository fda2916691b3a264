//! PostgreSQL and Redis as Fides needs them: on the loopback address, unprivileged, with data that is thrown away.

use std::{process::Stdio, time::Duration};

use anyhow::Result;

use super::{machine::Machine, place::Place};
use crate::programs::{
    postgresql::Durability,
    process::{Process, Stop, command, to_log},
    secret_file,
    server::{Server, new_secret},
    unprivileged,
    wait::{free_port, until},
};

/// Time for Redis to start.
const PATIENCE: Duration = Duration::from_mins(2);

/// The name of PostgreSQL's user. Its database is the one that each installation has.
pub(super) const USER: &str = "fides";
pub(super) const DATABASE: &str = "postgres";

/// Creates a database cluster in the temporary folder, and starts it.
pub(super) fn start_postgresql(machine: &Machine, place: &Place) -> Result<Server> {
    let (data, log) = (place.path("postgresql"), place.log("postgresql"));
    machine.postgresql.start(USER, &data, &log, Durability::ThrownAway, &[])
}

/// Starts Redis without persistence.
pub(super) fn start_redis(machine: &Machine, place: &Place) -> Result<Server> {
    let (port, password) = (free_port()?, new_secret()?);
    let user = unprivileged::user("redis");
    let (folder, log) = (place.path("redis"), place.log("redis"));
    unprivileged::create_folder(&folder, user)?;
    let configuration = folder.join("redis.conf");
    let text = format!(
        "bind 127.0.0.1\nport {port}\nrequirepass {password}\ndir {}\nsave \"\"\nappendonly no\n",
        folder.display()
    );
    secret_file::write(&configuration, &text)?;
    unprivileged::give(&configuration, 0o600, user)?;
    let redis = machine.redis.clone();
    Server::start(port, password, move || {
        let mut server = command(&redis, user, Stop::Terminate);
        server.arg(&configuration).current_dir(&folder).stdin(Stdio::null()).stdout(to_log(&log)?);
        let mut process = Process::start("Redis", &mut server, &log, Stop::Terminate)?;
        until("Redis", PATIENCE, || {
            process.is_running()?;
            Ok(std::net::TcpStream::connect(("127.0.0.1", port)).ok().map(drop))
        })?;
        Ok(process)
    })
}
