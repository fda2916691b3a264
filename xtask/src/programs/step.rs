//! Steps that print what they showed. The first failure ends them.

use std::{
    io::{IsTerminal as _, Write as _, stdout},
    time::Instant,
};

use anyhow::{Context as _, Result};

use crate::shell::say;

/// A step on `T`: its title, and the function that runs it and returns what it showed.
pub(crate) type Step<T> = (&'static str, fn(&T) -> Result<String>);

/// Runs the steps in order, and prints a line for each. `logs` says where to look after a failure.
pub(crate) fn run_all<T>(steps: &[Step<T>], on: &T, logs: &str) -> Result<()> {
    let all_began = Instant::now();
    let width = steps.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    for (number, (name, step)) in (1..).zip(steps) {
        let began = Instant::now();
        let result = step(on);
        let took = began.elapsed();
        report(&format!("{number:>2}  {name:<width$}"), &result, &format!("{:>6} ms", took.as_millis()))?;
        result.with_context(|| format!("step {number} failed: {name}; {logs}"))?;
    }
    say(&format!("all {} steps passed in {:.1} s", steps.len(), all_began.elapsed().as_secs_f32()));
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
