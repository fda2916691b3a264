//! The integration with Fides: the template that Fides takes, and a run with a Fides that is installed for it.

mod api;
mod environment;
mod host;
mod lines;
mod machine;
mod place;
mod platform;
mod servers;
mod steps;
mod trial;

use anyhow::{Context as _, Result};
use parking_lot::Mutex;
use serde_json::json;
use xtask::fides_template::Variant;

use crate::{
    build,
    programs::{
        interruption::{self, Afterwards},
        process::{Stop, command},
        stand_in::StandIn,
        step::run_all as run_steps,
    },
    shell::{cargo, run, say, shown},
};
use api::POLLING;
use environment::Environment;
use host::{CONNECTION, ConnectorHost};
use machine::Machine;
use place::Place;
use platform::FidesServer;
use trial::Trial;

/// Writes the template as a zip, and prints its path.
pub(crate) fn write_template(variant: Variant) -> Result<()> {
    say(&shown(&variant.write()?).to_string());
    Ok(())
}

/// Installs Fides, starts everything, and runs the steps.
pub(crate) fn run_all(afterwards: Afterwards) -> Result<()> {
    interruption::note_signals()?;
    build::all()?;
    say("building connector-host, whose date can be moved, and the stand-in");
    run(&mut cargo([
        "build",
        "--package=host-cli",
        "--package=iterable-stand-in",
        "--bins",
        "--features=host-cli/test-clock",
    ]))?;
    let machine = Machine::look()?;
    let place = Place::new()?;
    let environment = Environment::set_up(&machine, &place.logs)?;
    say("starting PostgreSQL, Redis and Fides, which takes a minute or two");
    let trial = set_up(&machine, &place, &environment)?;
    say("the steps, with what Fides shows");
    let result = run_steps(steps::ALL, &trial, &format!("the logs are in {}", shown(&place.logs)));
    // Also after a failure, to look into it.
    if afterwards == Afterwards::Stay {
        stay(&trial);
    }
    result
}

/// Prints where everything is, and waits for ctrl-c.
fn stay(trial: &Trial) {
    let (client, secret) = trial.platform.root_client();
    say(&format!("Fides             {}, client {client}, secret {secret}", trial.fides().client.address));
    say(&format!("connector host    {}, key {}", trial.host.api.address, trial.host.key()));
    say(&format!("local Iterable    {}, key {}", trial.stand_in.address, trial.stand_in.key));
    say("ctrl-c ends everything");
    interruption::wait();
}

/// Starts everything, registers the template, and creates Fides' connection.
fn set_up(machine: &Machine, place: &Place, environment: &Environment) -> Result<Trial> {
    let postgresql = servers::start_postgresql(machine, place)?;
    let redis = servers::start_redis(machine, place)?;
    let platform = FidesServer::start(environment, place, &postgresql, &redis)?;
    let fides = &platform.api;
    let stand_in = StandIn::start(|program| command(program, None, Stop::Terminate))
        .context("the stand-in did not start")?;
    let host = ConnectorHost::start(place, &fides.client.address).context("the service did not start")?;
    host.connect(&stand_in)?;
    let key = host.key_for_fides(fides.client.address.trim_start_matches("http://"))?;
    fides.create_policies()?;
    fides.register(POLLING.variant)?;
    let secrets = json!({ "domain": host.domain(), "connection": CONNECTION, "api_key": key });
    fides.instantiate(&POLLING, &secrets)?;
    let open = Mutex::default();
    Ok(Trial { platform, host, stand_in, _servers: [redis, postgresql], key, open })
}
