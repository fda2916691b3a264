//! Measures the cost of a sandboxed call, and of swaps beside calls, and prints tables with ratios, which vary less
//! between machines than times. Then runs what takes too long for every test run: the benchmark of the service, how it grows,
//! and ninety days of webhook tokens for a thousand seeds.

mod growth;
mod page;
mod plots;
mod tables;

use std::{fs, process::Command};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use xtask::components::target_dir;

use crate::{
    build,
    shell::{cargo, run, say},
};

/// A measurement and its reference.
struct Row {
    name: &'static str,
    measured: &'static str,
    /// The measurements whose sum is the reference.
    beside: &'static [&'static str],
    /// The highest ratio that `--check` accepts.
    max_ratio: Option<f64>,
}

const fn row(name: &'static str, measured: &'static str, beside: &'static [&'static str]) -> Row {
    Row { name, measured, beside, max_ratio: None }
}

/// Ratios apply to any machine. On the machine of the README, `verify` in a fresh sandbox should take at most 20 µs.
const ROWS: &[Row] = &[
    row("verify a 604-byte event, natively", "verify/native", &["verify/native"]),
    row("verify in a warm instance", "verify/warm", &["verify/native"]),
    row("instantiate: store, instance, drop", "verify/instantiation", &["verify/warm"]),
    Row {
        max_ratio: Some(1.2),
        ..row("verify in a fresh sandbox", "verify/fresh", &["verify/instantiation", "verify/warm"])
    },
    row("apply (3 requests), natively", "apply/native", &["apply/native"]),
    row("apply in a warm instance", "apply/warm", &["apply/native"]),
    Row {
        max_ratio: Some(1.3),
        ..row("apply in a fresh sandbox", "apply/fresh", &["verify/instantiation", "apply/warm"])
    },
];

/// Builds the components, runs the benches, prints the table and runs the thousand seeds.
pub(crate) fn run_all() -> Result<()> {
    calls()?;
    swaps(&[])?;
    say("the service");
    run(&mut cargo(["bench", "--package=host-cli", "--bench=service"]))?;
    growth::measure()?;
    say("webhook tokens, a thousand seeds");
    run(&mut cargo(["test", "--package=host-service", "--lib", "--", "--ignored", "for_a_thousand_seeds"]))
}

/// Measures only calls and swaps, and fails if a ratio exceeds its bound.
pub(crate) fn check() -> Result<()> {
    let past = calls()?;
    ensure!(past.is_empty(), "ratios over their bounds: {}", past.join(", "));
    swaps(&["--", "--check"])
}

/// Measures only how the service grows, and prints its tables.
pub(crate) fn growth() -> Result<()> {
    build::all()?;
    growth::measure()
}

/// Writes the page about growth from the last figures.
pub(crate) fn write_page() -> Result<()> {
    page::write(&growth::last_figures()?)
}

/// Measures calls and prints the table. Returns the rows whose ratio exceeds its bound.
fn calls() -> Result<Vec<&'static str>> {
    build::all()?;
    say("benches");
    run(&mut harness_bench("call"))?;
    say("| what | p50 | reference | ratio | at most |");
    say("|---|---:|---|---:|---:|");
    let mut past = Vec::new();
    for row in ROWS {
        let micros = median(row.measured)?;
        let ratio = micros / row.beside.iter().map(|name| median(name)).sum::<Result<f64>>()?;
        let beside = row.beside.join(" + ");
        let at_most = row.max_ratio.map_or_else(String::new, |max| format!("{max:.2}"));
        say(&format!("| {} | {micros:.1} µs | {beside} | {ratio:.2} | {at_most} |", row.name));
        past.extend(row.max_ratio.filter(|max| ratio > *max).map(|_| row.name));
    }
    Ok(past)
}

/// Measures calls beside swaps, which prints its own table.
fn swaps(arguments: &[&str]) -> Result<()> {
    say("swaps");
    run(harness_bench("swap").args(arguments))
}

/// Returns the command that runs a bench of the harness, which is built once for all of them.
fn harness_bench(name: &str) -> Command {
    let mut bench = cargo(["bench", "--package=host-harness", "--features=measure", "--bench"]);
    bench.arg(name);
    bench
}

/// Returns the median from criterion, in microseconds.
fn median(name: &str) -> Result<f64> {
    let file = target_dir().join("criterion").join(name).join("new/estimates.json");
    let text = fs::read(&file).with_context(|| format!("{} was not measured", file.display()))?;
    let estimates: Value = serde_json::from_slice(&text)?;
    let nanos = estimates.pointer("/median/point_estimate").and_then(Value::as_f64).context("no median")?;
    Ok(nanos / 1_000.0)
}
