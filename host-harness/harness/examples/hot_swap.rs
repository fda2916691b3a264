//! Replaces a watched plugin between two calls: `hot_swap <configuration> <its plugin's file> <new component>`.
//!
//! The configuration has a connection `newsletter` of a plugin `iterable` with `watch = true`. The new component is
//! moved over the plugin's file, as in a deployment, and the host loads it without a restart.
#![expect(clippy::print_stdout, reason = "an example prints its result")]

use std::{env, fs, path::PathBuf, time::Duration};

use anyhow::{Context as _, Result};
use host_harness::{config::Config, host::Host};

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = env::args_os().skip(1).map(PathBuf::from);
    let mut next =
        || arguments.next().context("usage: hot_swap <configuration> <its plugin's file> <new component>");
    let (configuration, file, new) = (next()?, next()?, next()?);
    let config = Config::read(&configuration)?;
    let host = Host::start(config).await?;
    let slot = host.plugin("iterable").context("no plugin iterable")?;

    let before = answering_version(&host).await?;
    let running = slot.current().plugin().digest();
    let beside = file.with_extension("new");
    fs::copy(&new, &beside)?;
    fs::rename(&beside, &file)?;
    let taken_in = tokio::time::timeout(Duration::from_mins(1), slot.replaced(running)).await;
    taken_in.context("the new version was not loaded")?;
    let after = answering_version(&host).await?;
    println!("{before} answered, then {after}, in one process");
    Ok(())
}

/// Returns the version that currently answers calls, which the connector reports in its first check.
async fn answering_version(host: &Host) -> Result<String> {
    let checks = host.connection("newsletter")?.test_connection().await??;
    Ok(checks.into_iter().next().context("no checks")?.detail)
}
