//! The demonstration: runs the program `connector-host` with the Iterable plugin against the stand-in. Each step
//! prints what it showed, and the first failure ends the demonstration.

mod host;
mod publisher;
mod service;
mod step;
mod steps;

use std::process::Command;

use anyhow::{Context as _, Result};
use xtask::components::target_dir;

use crate::{
    build,
    programs::{
        interruption::{self, Afterwards},
        stand_in::StandIn,
        step::run_all as run_steps,
    },
    shell::{cargo, run, say, shown},
};
use host::Host;
use service::Service;
use step::Demo;

/// Builds what is needed, then runs the steps.
pub(crate) fn run_all(afterwards: Afterwards) -> Result<()> {
    build::all()?;
    say("building connector-host, the stand-in and the swap example");
    run(&mut cargo([
        "build",
        "--package=host-cli",
        "--package=host-harness",
        "--package=iterable-stand-in",
        "--bins",
        "--example=hot_swap",
    ]))?;
    say("demonstration");
    let folder = target_dir().join("demo");
    let stand_in = StandIn::start(Command::new).context("the stand-in did not start")?;
    let host = Host::set_up(&folder, &stand_in)?;
    let service = Service::start(&host).context("the service did not start")?;
    let demo = Demo { stand_in, host, service };
    let logs = format!("the service's log is {}", demo.service.log().display());
    let result = run_steps(steps::ALL, &demo, &logs);
    // Also after a failure, to look into it.
    if afterwards == Afterwards::Stay {
        stay(&demo)?;
    }
    result
}

/// Prints where everything is, and waits for ctrl-c.
fn stay(demo: &Demo) -> Result<()> {
    interruption::note_signals()?;
    say(&format!("operator's page   {}/", demo.service.api.address));
    say(&format!("sign in with      the API key in {}", shown(&demo.service.key())));
    say(&format!("local Iterable    {}, key {}", demo.stand_in.address, demo.stand_in.key));
    say("ctrl-c ends everything");
    interruption::wait();
    Ok(())
}
