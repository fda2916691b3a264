//! The project's own commands: build, test, lint, demo, bench.

mod bench;
mod browser;
mod build;
mod chaos;
mod debian;
mod demo;
mod fides;
mod lint;
mod programs;
mod shell;
mod test;
mod tidy;

use std::{process::ExitCode, time::Duration};

use clap::{ArgGroup, Parser};
use programs::interruption::Afterwards;
use xtask::fides_template::{Ending, Protocol, Variant};

/// The project's own commands.
#[derive(Parser)]
#[command(name = "cargo xtask")]
enum Xtask {
    /// Build the plugin and the test guests as components, unless they are current.
    Build,
    /// Build the components, then run every test.
    Test {
        /// Arguments for `cargo test`, such as the name of a test.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Run the tests that touch the database on PostgreSQL, which is installed if need be, and replicas under faults.
    Postgres,
    /// Run three replicas on PostgreSQL under load, kill and freeze them, restart the database, and check what is left.
    Chaos {
        /// Repeats the run with this seed, which each run prints.
        #[arg(long)]
        seed: Option<u64>,
        /// How long there is load, in seconds.
        #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u64).range(20..))]
        seconds: u64,
    },
    /// Check formatting, lints, tidiness and documentation.
    Lint,
    /// Walk through the operator's page in a browser, and take pictures of every screen.
    Screens {
        /// Only the walks whose name contains this.
        name: Option<String>,
    },
    /// Run the demonstration against the stand-in, step by step.
    Demo {
        /// Keep everything running after the steps, until ctrl-c, to look around on the operator's page.
        #[arg(long)]
        keep: bool,
    },
    /// Write the connector template for Fides as a zip, and print its path.
    FidesTemplate {
        /// Reach the connector host without TLS, for a trial on one machine or within a network of your own.
        #[arg(long)]
        plain_http: bool,
        /// Have the connector host call Fides back once an erasure has ended, instead of polling.
        #[arg(long)]
        callback: bool,
    },
    /// Run an unmodified Fides against the service: install it, start everything it needs, and show each step.
    Fides {
        /// Keep everything running after the steps, until ctrl-c, to look around in Fides.
        #[arg(long)]
        stay: bool,
    },
    /// Measure calls, the service, and how it grows on SQLite and PostgreSQL, print tables, and simulate ninety days of
    /// tokens for a thousand seeds.
    #[command(group = ArgGroup::new("only"))]
    Bench {
        /// Measure only calls, and fail if a ratio exceeds its bound.
        #[arg(long, group = "only")]
        check: bool,
        /// Measure only how the service grows, and keep the figures in `target/growth.json`.
        #[arg(long, group = "only")]
        growth: bool,
        /// Measure nothing: write `docs/growth.md` and its plots from the last figures of growth.
        #[arg(long, group = "only")]
        page: bool,
    },
}

fn main() -> ExitCode {
    let done = match Xtask::parse() {
        Xtask::Build => build::all(),
        Xtask::Test { arguments } => test::all(&arguments),
        Xtask::Postgres => test::on_postgres(),
        Xtask::Chaos { seed, seconds } => chaos::run(seed, Duration::from_secs(seconds)),
        Xtask::Lint => lint::all(),
        Xtask::Screens { name } => browser::take_pictures(name.as_deref()),
        Xtask::Demo { keep } => demo::run_all(if keep { Afterwards::Stay } else { Afterwards::End }),
        Xtask::FidesTemplate { plain_http, callback } => fides::write_template(Variant {
            protocol: if plain_http { Protocol::PlainHttp } else { Protocol::Https },
            ending: if callback { Ending::CalledBack } else { Ending::Polled },
        }),
        Xtask::Fides { stay } => fides::run_all(if stay { Afterwards::Stay } else { Afterwards::End }),
        Xtask::Bench { check: true, .. } => bench::check(),
        Xtask::Bench { growth: true, .. } => bench::growth(),
        Xtask::Bench { page: true, .. } => bench::write_page(),
        Xtask::Bench { .. } => bench::run_all(),
    };
    done.map_or_else(|error| shell::fail(&error), |()| ExitCode::SUCCESS)
}
