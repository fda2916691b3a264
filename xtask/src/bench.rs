//! Measures what a sandboxed call costs, and prints it as a table with ratios: machines differ, ratios less.

use std::fs;

use anyhow::{Context as _, Result};
use serde_json::Value;
use xtask::components::target_dir;

use crate::{
    build,
    shell::{cargo, run, say},
};

/// A row: its name, its measurement, and what it is compared with.
struct Row {
    name: &'static str,
    measured: &'static str,
    /// The sum of these is the row's measure.
    beside: &'static [&'static str],
}

const ROWS: &[Row] = &[
    Row { name: "verify a 700-byte event, natively", measured: "verify/native", beside: &["verify/native"] },
    Row { name: "verify in a warm instance", measured: "verify/warm", beside: &["verify/native"] },
    Row {
        name: "instantiate (store, instance, drop)",
        measured: "verify/instantiation",
        beside: &["verify/native"],
    },
    Row {
        name: "verify in a fresh sandbox",
        measured: "verify/fresh",
        beside: &["verify/instantiation", "verify/warm"],
    },
    Row { name: "apply (3 requests), natively", measured: "apply/native", beside: &["apply/native"] },
    Row { name: "apply in a fresh sandbox", measured: "apply/fresh", beside: &["apply/native"] },
];

/// Builds the components, runs the benches and prints the table.
pub(crate) fn run_all() -> Result<()> {
    build::all()?;
    say("benches");
    run(&mut cargo(["bench", "--package=host-harness", "--features=measure", "--bench=call"]))?;
    say("| what | p50 | beside | ratio |");
    say("|---|---:|---|---:|");
    for row in ROWS {
        let micros = median(row.measured)?;
        let sum = row.beside.iter().map(|name| median(name)).sum::<Result<f64>>()?;
        let beside = row.beside.join(" + ");
        say(&format!("| {} | {micros:.1} µs | {beside} | {:.2} |", row.name, micros / sum));
    }
    Ok(())
}

/// The median that criterion found, in microseconds.
fn median(name: &str) -> Result<f64> {
    let file = target_dir().join("criterion").join(name).join("new/estimates.json");
    let text = fs::read(&file).with_context(|| format!("{} was not measured", file.display()))?;
    let estimates: Value = serde_json::from_slice(&text)?;
    let nanos = estimates.pointer("/median/point_estimate").and_then(Value::as_f64).context("no median")?;
    Ok(nanos / 1_000.0)
}
