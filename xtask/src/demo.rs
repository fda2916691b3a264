//! The demonstration: runs the program `connector-host` with the Iterable plugin against the stand-in. Each step
//! prints what it showed, and the first failure ends the demonstration.

mod document;
mod host;
mod service;
mod stand_in;
mod step;
mod steps;

use std::{
    io::{IsTerminal as _, Write as _, stdout},
    time::Instant,
};

use anyhow::{Context as _, Result};
use xtask::components::target_dir;

use crate::{
    build,
    shell::{cargo, run, say},
};
use host::Host;
use service::Service;
use stand_in::StandIn;
use step::Demo;

/// Builds what is needed, then runs the steps.
pub(crate) fn run_all() -> Result<()> {
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
    let began = Instant::now();
    let folder = target_dir().join("demo");
    let stand_in = StandIn::start().context("the stand-in did not start")?;
    let host = Host::set_up(&folder, &stand_in)?;
    let service = Service::start(&host).context("the service did not start")?;
    let demo = Demo { stand_in, host, service };
    for (number, (name, step)) in (1..).zip(steps::ALL) {
        let began = Instant::now();
        let result = step(&demo);
        let took = began.elapsed();
        report(&format!("{number:>2}  {name:<46}"), &result, &format!("{:>6} ms", took.as_millis()))?;
        result.with_context(|| {
            let log = demo.service.log();
            format!("step {number} failed: {name}; the service's log is {}", log.display())
        })?;
    }
    say(&format!("all {} steps passed in {:.1} s", steps::ALL.len(), began.elapsed().as_secs_f32()));
    Ok(())
}

/// Prints one line with the step, its result and its time.
fn report(step: &str, result: &Result<String>, took: &str) -> Result<()> {
    let mut out = stdout().lock();
    let (mark, colour, text) = match result {
        Ok(text) => ("ok", 32, text.as_str()),
        Err(_) => ("FAILED", 31, ""),
    };
    if out.is_terminal() {
        writeln!(out, "\x1b[{colour}m{mark:<6}\x1b[0m {step} {took}  {text}")?;
    } else {
        writeln!(out, "{mark:<6} {step} {took}  {text}")?;
    }
    Ok(())
}
