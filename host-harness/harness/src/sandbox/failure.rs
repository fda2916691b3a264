//! How a call ends if the guest does not answer.
//! Tested in `tests/all/limits`.

use std::time::Duration;

use host_model::{
    failure::{CallFailure, FailureKind},
    text,
};
use wasmtime::Trap;

use super::{backtrace::frames, handed::TransferLimitExceeded, masks::Masks, meter::Meter};

/// Creates a failure with what the meter recorded about the call.
pub(crate) fn failed(kind: FailureKind, detail: impl Into<String>, meter: &Meter) -> CallFailure {
    CallFailure { kind, detail: detail.into(), may_have_acted: meter.may_have_acted(), contradicted: None }
}

/// Masks the detail with `masks` if it may repeat data from the guest.
pub(crate) fn masked(mut failure: CallFailure, masks: &Masks) -> CallFailure {
    if matches!(failure.kind, FailureKind::TooMuchData | FailureKind::BadAnswer) {
        failure.detail = masks.text(&failure.detail).into_owned();
    }
    failure
}

/// Creates the failure for a plugin that did not finish its start and `describe` in time.
pub(crate) fn too_slow_to_load(patience: Duration, meter: &Meter) -> CallFailure {
    let detail = format!("{} ms have passed (the plugin's describe-ms)", patience.as_millis());
    failed(FailureKind::DeadlinePassed, detail, meter)
}

/// Determines from `error` and the meter how a call ended.
pub(crate) fn failure_of(error: &wasmtime::Error, meter: &Meter) -> CallFailure {
    let (kind, detail) = diagnose(error, meter);
    meter.stopped_in(frames(error));
    failed(kind, detail, meter)
}

fn diagnose(error: &wasmtime::Error, meter: &Meter) -> (FailureKind, String) {
    if meter.is_cpu_spent() {
        return (FailureKind::CpuSpent, "its CPU time is used up (limits.cpu-ms)".to_owned());
    }
    if let Some(too_much) = error.downcast_ref::<TransferLimitExceeded>() {
        return (FailureKind::TooMuchData, format!("it passed too much data: {too_much}"));
    }
    let trap = error.downcast_ref::<Trap>().copied();
    if trap == Some(Trap::StackOverflow) {
        return (FailureKind::StackExhausted, "its stack is exhausted".to_owned());
    }
    if meter.is_memory_refused() {
        let detail = "it requested more memory than allowed (limits.memory-bytes, limits.table-elements)";
        return (FailureKind::OutOfMemory, detail.to_owned());
    }
    let cause = error.root_cause().to_string();
    if cause.contains("resource limit exceeded") {
        let detail = "it has more parts than allowed (limits.core-instances, limits.memories, limits.tables)";
        return (FailureKind::OutOfMemory, detail.to_owned());
    }
    if cause.contains("fuel allocated for hostcalls") || cause.contains("handle") && cause.contains("limit") {
        return (FailureKind::TooMuchData, format!("it passed too much data ({})", first_line(&cause)));
    }
    match trap {
        Some(trap) => (FailureKind::Trapped, format!("it trapped: {trap}")),
        None => (FailureKind::BadAnswer, format!("it broke the contract: {}", first_line(&cause))),
    }
}

/// Returns the first line of a cause, escaped and truncated: the host's own causes are short, but a guest's text can be
/// anything.
fn first_line(cause: &str) -> String {
    text::escaped_within(cause.lines().next().unwrap_or_default(), 300)
}
