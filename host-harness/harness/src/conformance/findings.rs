//! The sentences about what a proof found, and the time that it may take.

use std::time::Duration;

use host_model::{failure::CallFailure, text};

use crate::egress::CallUsage;

/// How long a proof may take. That of a connector in Rust takes a few seconds.
pub(super) const MAX_PROOF: Duration = Duration::from_mins(2);

/// Maximum number of findings of a part. A person reads them.
const MAX_FINDINGS: usize = 8;

/// Maximum size of a finding, in bytes.
const MAX_FINDING_BYTES: usize = 1_000;

/// Maximum number of the guest's functions that are shown.
const MAX_FRAMES: usize = 4;

/// Returns the sentence about a call that the sandbox ended.
pub(super) fn stopped(failure: &CallFailure, usage: Option<&CallUsage>) -> String {
    let frames = usage.map(|usage| usage.frames.as_slice()).unwrap_or_default();
    let frames = frames.get(..MAX_FRAMES).unwrap_or(frames).join(" < ");
    let place = if frames.is_empty() { frames } else { format!(", in {frames}") };
    format!("the sandbox ended the call ({}): {}{place}", failure.kind, failure.detail)
}

/// Returns the sentence about texts that identified a person, if there were any.
pub(super) fn leak(usage: Option<&CallUsage>) -> Option<String> {
    let texts = usage.map_or(0, |usage| usage.masked_texts);
    (texts > 0).then(|| {
        format!(
            "{texts} of its texts or log lines contained an identifier of the person or a secret, which the host masked: \
             expected none that repeats the call's or the vendor's data"
        )
    })
}

/// Returns the finding for a part that has no time left. A version must not skip its proof by being slow.
pub(super) fn out_of_time() -> String {
    format!("the {} s of the whole proof have passed", MAX_PROOF.as_secs())
}

/// Escapes and truncates findings.
pub(super) fn bounded(findings: &[String]) -> Vec<String> {
    let more = findings.len().saturating_sub(MAX_FINDINGS);
    let shown = findings.iter().take(MAX_FINDINGS);
    let shown = shown.map(|finding| text::escaped_within(finding, MAX_FINDING_BYTES));
    shown.chain((more > 0).then(|| format!("and {more} more"))).collect()
}
