//! How the service grows on SQLite and on `PostgreSQL`: starts a server for it, runs the bench, and prints its tables.

use std::fs;

use anyhow::{Context as _, Result};
use xtask::growth::{self, Figures};

use super::tables;
use crate::{
    programs::{
        interruption,
        postgresql::{Durability, Programs},
        unprivileged,
    },
    shell::{cargo, run, say, shown},
};

/// The user of the server.
const USER: &str = "service";

/// What a server needs for the bench beside its defaults, which are those of `PostgreSQL`: connections for four processes,
/// and counts of statements.
const OPTIONS: [&str; 2] = ["max_connections=200", "shared_preload_libraries=pg_stat_statements"];

/// Measures, prints the tables, and keeps the figures.
pub(super) fn measure() -> Result<()> {
    say("growth, on SQLite and PostgreSQL");
    interruption::note_signals()?;
    let programs = Programs::prepare()?;
    let folder = tempfile::tempdir()?;
    // The server's user passes through it to its own folder.
    unprivileged::give(folder.path(), 0o711, None)?;
    let (data, log) = (folder.path().join("postgresql"), folder.path().join("log"));
    let server = programs.start(USER, &data, &log, Durability::Durable, &OPTIONS)?;
    let url = format!("postgres://{USER}:{}@127.0.0.1:{}/postgres", server.password, server.port);
    run(cargo(["bench", "--package=host-cli", "--bench=growth"]).env(growth::SERVER, url))?;
    for table in tables::all(&last_figures()?)? {
        say(&format!("\n{}", table.title));
        say(&table.markdown);
    }
    say(&format!(
        "the figures are in {}; `cargo xtask bench --page` writes them into docs/growth.md",
        shown(&growth::file())
    ));
    Ok(())
}

/// Returns the figures of the last run.
pub(super) fn last_figures() -> Result<Figures> {
    let file = growth::file();
    let text = fs::read(&file)
        .with_context(|| format!("cannot read {}: run `cargo xtask bench --growth` first", shown(&file)))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is of another version", shown(&file)))
}
