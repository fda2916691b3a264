//! Runs all tests: unit tests, integration tests and the tests in the documentation.

use std::{collections::BTreeMap, env, path::PathBuf, process::Command, thread};

use anyhow::{Context as _, Result};
use serde::Deserialize;
use tempfile::TempDir;
use xtask::components::root;

use crate::{
    browser, build, chaos,
    programs::{database::DatabasePrograms, postgresql::Durability, server::Server, unprivileged},
    shell::{cargo, output, run, say},
};

/// A clock that can be advanced, for the tests that kill the program.
const FEATURES: &str = "--features=host-cli/test-clock";

/// The exchange of versions, under many orders of its threads. Apart from the other tests, since shuttle's features would
/// have cargo build the TLS stack once more.
const ORDERS: [&str; 4] = ["test", "--package=host-exchange", "--features=shuttle", "--test=orders"];

/// The crates whose tests touch the database, each with the folder in which they expect to run, and a part of the names of
/// those that do.
const CRATES: [(&str, &str, &str); 4] = [
    ("host_store", "host-harness/store", ""),
    ("host_service", "host-harness/service", ""),
    ("host_api", "host-harness/api", ""),
    ("host_cli", "host-harness/cli", "migrate"),
];

/// The environment variable with which they run on a server of PostgreSQL.
const SERVER: &str = "CONNECTOR_HOST_TEST_POSTGRES";

/// The environment variable with which some of them also run by way of a pooler before it.
const POOLER: &str = "CONNECTOR_HOST_TEST_PGBOUNCER";

/// The user that creates the databases of the tests.
const USER: &str = "tests";

/// What the server does not need for tests, and connections for several of them at a time.
const OPTIONS: [&str; 4] =
    ["max_connections=200", "wal_level=minimal", "max_wal_senders=0", "autovacuum=off"];

/// A folder in memory, in which a database is created many times faster, and the space that has to be free there.
const MEMORY: (&str, u64) = ("/dev/shm", 1 << 30);

/// How many tests run at once on a server for each core: most of the time, they wait for it.
const AT_ONCE_FOR_EACH_CORE: usize = 2;

/// Builds what the tests load, then passes `arguments` to `cargo test`. Without arguments, also runs those that
/// touch the database on PostgreSQL, checks the exchange, and walks through the operator's page in a browser. At the end, says
/// what was left out.
pub(crate) fn all(arguments: &[String]) -> Result<()> {
    build::all()?;
    say("tests");
    run(cargo(["test", FEATURES]).args(arguments))?;
    if !arguments.is_empty() {
        return Ok(());
    }
    let mut left_out = LeftOut::new(LeavingOut::here());
    left_out.unless_prepared(DatabasePrograms::prepare(), ON_POSTGRES, |programs| test_on(&programs))?;
    say("the exchange of versions, in many orders of its threads");
    run(&mut cargo(ORDERS))?;
    left_out.unless_prepared(browser::prepare(), IN_BROWSER, |()| browser::walk())?;
    left_out.lines.iter().for_each(|line| say(line));
    Ok(())
}

/// Tests that need what the machine may not have.
#[derive(Clone, Copy)]
struct Demanding {
    what: &'static str,
    /// The command that runs them alone.
    command: &'static str,
}

const ON_POSTGRES: Demanding = Demanding { what: "the tests on PostgreSQL", command: "cargo xtask postgres" };

const IN_BROWSER: Demanding =
    Demanding { what: "the tests of the operator's page in a browser", command: "cargo xtask screens" };

/// Whether tests may be left out for which the machine lacks something.
#[derive(Clone, Copy)]
enum LeavingOut {
    Allowed,
    Refused,
}

impl LeavingOut {
    /// In continuous integration, everything has to run.
    fn here() -> Self {
        if env::var_os("CI").is_some() { Self::Refused } else { Self::Allowed }
    }
}

/// What was left out, a line for each.
struct LeftOut {
    leaving_out: LeavingOut,
    lines: Vec<String>,
}

impl LeftOut {
    fn new(leaving_out: LeavingOut) -> Self {
        Self { leaving_out, lines: Vec::new() }
    }

    /// Runs tests with what was prepared. If that failed, they are left out, or that is a failure.
    fn unless_prepared<T>(
        &mut self,
        prepared: Result<T>,
        tests: Demanding,
        test: impl FnOnce(T) -> Result<()>,
    ) -> Result<()> {
        let Demanding { what, command } = tests;
        match (prepared, self.leaving_out) {
            (Ok(prepared), _) => test(prepared),
            (Err(error), LeavingOut::Refused) => Err(error.context(format!("{what} cannot run"))),
            (Err(error), LeavingOut::Allowed) => {
                self.lines.push(format!("left out: {what}: {error:#}; then `{command}` runs them"));
                Ok(())
            }
        }
    }
}

/// Runs the tests that touch the database on a server of their own, with a pooler before it. Then three replicas under
/// faults, on another server, since that is stopped.
fn test_on(servers: &DatabasePrograms) -> Result<()> {
    let built = built_tests()?;
    say("the tests on PostgreSQL");
    let folder = temporary_folder()?;
    // The server's user passes through it to its own folder.
    unprivileged::give(folder.path(), 0o711, None)?;
    let log = folder.path().join("log");
    let data = folder.path().join("postgresql");
    let server = servers.postgresql.start(USER, &data, &log, Durability::ThrownAway, &OPTIONS)?;
    let pooler = servers.pgbouncer.start(&server, USER, &folder.path().join("pgbouncer"), &log)?;
    let url =
        |server: &Server| format!("postgres://{USER}:{}@127.0.0.1:{}/postgres", server.password, server.port);
    let at_once = thread::available_parallelism()?.get() * AT_ONCE_FOR_EACH_CORE;
    for (name, folder, tests_of) in CRATES {
        let tests = built.get(name).with_context(|| format!("cargo built no tests of {name}"))?;
        say(&format!("{name} on PostgreSQL"));
        let mut tests = Command::new(tests);
        tests.args([tests_of, &format!("--test-threads={at_once}")]).current_dir(root().join(folder));
        tests.env(SERVER, url(&server)).env(POOLER, url(&pooler));
        run(&mut tests)?;
    }
    drop((server, pooler));
    chaos::run_built(servers, None, chaos::SHORT)
}

/// Returns a folder in memory if there is room, or else on disk.
fn temporary_folder() -> Result<TempDir> {
    let (memory, needed) = MEMORY;
    let free = rustix::fs::statvfs(memory).map(|free| free.f_bavail.saturating_mul(free.f_frsize));
    let has_room = free.is_ok_and(|free| free >= needed);
    Ok(if has_room { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }?)
}

/// Returns the programs with unit tests that the tests of everything have built, by the name of their crate.
fn built_tests() -> Result<BTreeMap<String, PathBuf>> {
    let built = output(&mut cargo(["test", FEATURES, "--no-run", "--message-format=json", "--quiet"]))?;
    let messages = built.lines().filter_map(|line| serde_json::from_str::<BuiltProgram>(line).ok());
    let tests =
        messages.filter(|built| built.profile.test && built.target.kind.iter().any(|kind| kind == "lib"));
    Ok(tests.filter_map(|built| Some((built.target.name, built.executable?))).collect())
}

/// What cargo says about a program that it has built.
#[derive(Deserialize)]
struct BuiltProgram {
    target: BuiltTarget,
    profile: BuiltProfile,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct BuiltTarget {
    name: String,
    kind: Vec<String>,
}

#[derive(Deserialize)]
struct BuiltProfile {
    test: bool,
}

/// Builds the tests, and runs those that touch the database on PostgreSQL, and replicas under faults.
pub(crate) fn on_postgres() -> Result<()> {
    build::all()?;
    test_on(&DatabasePrograms::prepare()?)
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn what_cannot_run_is_left_out_with_the_command_that_runs_it_and_fails_in_continuous_integration() {
        let missing = || Err::<(), _>(anyhow!("install postgresql"));
        let mut left_out = LeftOut::new(LeavingOut::Allowed);
        left_out.unless_prepared(missing(), ON_POSTGRES, |()| panic!("it is not prepared")).unwrap();
        let line =
            "left out: the tests on PostgreSQL: install postgresql; then `cargo xtask postgres` runs them";
        assert_eq!(left_out.lines, [line]);
        let mut refused = LeftOut::new(LeavingOut::Refused);
        let error =
            refused.unless_prepared(missing(), ON_POSTGRES, |()| panic!("it is not prepared")).unwrap_err();
        assert_eq!(format!("{error:#}"), "the tests on PostgreSQL cannot run: install postgresql");
        let failed = left_out.unless_prepared(Ok(()), IN_BROWSER, |()| Err(anyhow!("a test failed")));
        assert_eq!(failed.unwrap_err().to_string(), "a test failed");
    }
}
