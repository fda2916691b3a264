//! What a version proved, in lines.

use host_api::types::{
    shadow::{StepConnectionTest, StepSettings, StepShadow},
    versions::StepProof,
};

/// Returns the parts of a proof, a line or more for each.
pub(super) fn proven(
    proof: Option<&StepProof>,
    settings: Option<&StepSettings>,
    shadow: Option<&StepShadow>,
    tests: &[StepConnectionTest],
) -> Vec<String> {
    let mut lines: Vec<String> = proof.map(cases).into_iter().collect();
    lines.extend(settings.and_then(suited));
    lines.extend(shadow.into_iter().flat_map(compared));
    lines.extend(tests.iter().map(tested));
    lines
}

/// How the cases and the built-in set ended, and what could not be run.
fn cases(proof: &StepProof) -> String {
    let passed = proof.parts.iter().filter(|part| part.result == "passed").count();
    let calls: u32 = proof.parts.iter().map(|part| part.calls).sum();
    let from = [("component", "shipped"), ("operator", "of the operator"), ("built-in", "built in")];
    let from = from.map(|(source, words)| {
        let count = proof.parts.iter().filter(|part| part.source == source && part.calls > 0).count();
        (count > 0).then(|| format!("{count} {words}"))
    });
    let from: Vec<_> = from.into_iter().flatten().collect();
    let from = if from.is_empty() { String::new() } else { format!(" ({})", from.join(", ")) };
    let not_run = proof.parts.iter().filter(|part| part.result == "not-run");
    let not_run: Vec<_> = not_run.map(|part| part.name.as_str()).collect();
    let not_run =
        if not_run.is_empty() { String::new() } else { format!(", not run: {}", not_run.join(", ")) };
    format!(
        "proof {}: {passed} of {} parts passed{from} in {calls} calls{not_run}",
        proof.result,
        proof.parts.len()
    )
}

/// Which connections have settings that suit it; `None` if the plugin has no connections.
fn suited(StepSettings { suited, unsuited }: &StepSettings) -> Option<String> {
    match (suited.is_empty(), unsuited.is_empty()) {
        (true, true) => None,
        (_, false) => Some(format!("settings that do not suit it: {}", unsuited.join(", "))),
        (false, true) => Some(format!("settings suit it: {}", suited.join(", "))),
    }
}

/// What it was compared on with the version that served, each difference, and what was left out.
fn compared(shadow: &StepShadow) -> Vec<String> {
    if shadow.against.is_none() {
        return Vec::new();
    }
    let counts: Vec<_> =
        shadow.compared.iter().map(|(what, count)| format!("{count} {}", plural(what, *count))).collect();
    let counts = if counts.is_empty() { "nothing stored".to_owned() } else { counts.join(", ") };
    let came = if shadow.differences.is_empty() { "no difference" } else { "differences" };
    let mut lines = vec![format!("compared on {counts} in {} ms: {came}", shadow.took_ms)];
    lines.extend(shadow.differences.iter().map(|difference| format!("  {}", difference.text)));
    lines.extend(shadow.not_compared.iter().map(|left_out| format!("  not compared: {}", left_out.text)));
    lines
}

fn plural(what: &str, count: u32) -> String {
    match what.strip_suffix('y') {
        _ if count == 1 => what.to_owned(),
        Some(stem) => format!("{stem}ies"),
        None => format!("{what}s"),
    }
}

fn tested(test: &StepConnectionTest) -> String {
    let StepConnectionTest { connection, status, failed_checks, reason, took_ms } = test;
    let reason = match reason {
        Some(reason) => format!(": {reason}"),
        None if failed_checks.is_empty() => String::new(),
        None => format!(": {}", failed_checks.join(", ")),
    };
    format!("test of {connection} {status} in {took_ms} ms{reason}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use host_api::types::shadow::{StepDifference, StepNotCompared};

    #[test]
    fn a_comparison_shows_its_counts_differences_and_what_was_left_out() {
        let difference = StepDifference {
            connection: "newsletter".to_owned(),
            what: "delivery".to_owned(),
            kind: "no-longer-readable".to_owned(),
            count: 2,
            text: "two are no longer readable".to_owned(),
        };
        let left_out = StepNotCompared {
            connection: "newsletter".to_owned(),
            what: "delivery".to_owned(),
            why: "not-kept".to_owned(),
            count: 1,
            text: "one is no longer kept".to_owned(),
        };
        let shadow = StepShadow {
            against: Some("sha256:0".to_owned()),
            compared: BTreeMap::from([("delivery".to_owned(), 12), ("erasure".to_owned(), 1)]),
            differences: vec![difference],
            not_compared: vec![left_out],
            took_ms: 7,
        };
        assert_eq!(
            compared(&shadow),
            [
                "compared on 12 deliveries, 1 erasure in 7 ms: differences",
                "  two are no longer readable",
                "  not compared: one is no longer kept",
            ]
        );
        let same = StepShadow {
            differences: Vec::new(),
            not_compared: Vec::new(),
            compared: BTreeMap::new(),
            ..shadow
        };
        assert_eq!(compared(&same), ["compared on nothing stored in 7 ms: no difference"]);
        assert_eq!(compared(&StepShadow::default()), [""; 0]);
    }

    #[test]
    fn settings_that_do_not_suit_it_are_named() {
        let settings = StepSettings { suited: vec!["a".to_owned()], unsuited: vec!["b.region".to_owned()] };
        assert_eq!(suited(&settings).unwrap(), "settings that do not suit it: b.region");
        assert_eq!(suited(&StepSettings::default()), None);
    }
}
