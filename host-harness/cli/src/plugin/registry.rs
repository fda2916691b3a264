//! How far a plugin was pulled from its registry, for people.
//! Tested in `src/tests/server/registries.rs`.

use host_api::types::registries::{PluginPull, PluginRegistry, PullFailure};

use crate::{
    session::now,
    words::{date, duration},
};

/// Returns a line with the reference, one for what it was pulled as, and one for why the last pull failed.
pub(crate) fn lines(PluginRegistry { reference, pulled, failure }: &PluginRegistry) -> Vec<String> {
    let mut lines = vec![reference.clone()];
    lines.push(match pulled {
        Some(pulled) => copy(pulled),
        None => "never pulled".to_owned(),
    });
    lines.extend(failure.as_ref().map(failed));
    lines
}

fn copy(PluginPull { manifest, pulled_at, .. }: &PluginPull) -> String {
    format!("pulled {}, {} ago, as {manifest}", date(*pulled_at), age(*pulled_at))
}

/// Returns the time since `at`, in whole minutes if it is longer than one.
fn age(at: i64) -> String {
    let ms = u64::try_from(now().saturating_sub(at)).unwrap_or_default();
    let units = [86_400_000, 3_600_000, 60_000];
    let unit = units.into_iter().find(|unit| ms >= *unit).unwrap_or(1_000);
    duration(ms / unit * unit)
}

fn failed(PullFailure { failures, failed_at, problem, again_at, .. }: &PullFailure) -> String {
    let next = match again_at {
        Some(at) => format!("next try {}", date(*at)),
        None => "not tried again before `connector-host plugin pull`".to_owned(),
    };
    let times = if *failures == 1 { String::new() } else { format!(", {failures} times in a row") };
    format!("not pulled {}{times}: {problem}; {next}", date(*failed_at))
}
