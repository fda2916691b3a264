//! How a call ends when it is not the guest that answers.

use std::time::Duration;

use serde::Serialize;
use wasmtime::Trap;

use super::{handed::HandedTooMuch, masks::Masks, meter::Meter};

/// What ended the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// The guest gave up or broke a rule of wasm.
    Trapped,
    /// Its computing time is spent.
    CpuSpent,
    /// Its wall clock ran out.
    DeadlinePassed,
    /// It asked for more memory or table room than it may have.
    OutOfMemory,
    /// It recursed too deep.
    StackExhausted,
    /// It handed over more data than a host call may carry, or too many handles.
    TooMuchData,
    /// What it answered is not what the contract says.
    BadAnswer,
    /// The host is going down or has no room.
    NoRoom,
}

/// The sandbox ended the call. The connector did not say no; it did not get to say anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("the sandbox ended the call: {detail}{}", if *.may_have_acted { "; the vendor may have acted, so confirm before repeating" } else { "" })]
pub struct CallFailure {
    /// What ended it.
    pub kind: FailureKind,
    /// For an operator; free of secrets, cut in length.
    pub detail: String,
    /// Whether a request that may change something had left: then the outcome is unknown, never undone.
    pub may_have_acted: bool,
}

impl CallFailure {
    pub(crate) fn new(kind: FailureKind, detail: impl Into<String>, meter: &Meter) -> Self {
        Self { kind, detail: detail.into(), may_have_acted: meter.may_have_acted() }
    }

    /// The same without what `masks` finds, if its detail may repeat what the guest handed over.
    pub(crate) fn masked(mut self, masks: &Masks) -> Self {
        if matches!(self.kind, FailureKind::TooMuchData | FailureKind::BadAnswer) {
            self.detail = masks.text(&self.detail).into_owned();
        }
        self
    }

    /// A plugin that did not come through its own start and `describe` in time.
    pub(crate) fn too_slow_to_load(patience: Duration, meter: &Meter) -> Self {
        let detail = format!("{} ms are over (the plugin's describe-ms)", patience.as_millis());
        Self::new(FailureKind::DeadlinePassed, detail, meter)
    }

    /// What `error` and the meter say about the end of a call.
    pub(crate) fn of(error: &wasmtime::Error, meter: &Meter) -> Self {
        let (kind, detail) = diagnose(error, meter);
        Self::new(kind, detail, meter)
    }
}

fn diagnose(error: &wasmtime::Error, meter: &Meter) -> (FailureKind, String) {
    if meter.is_cpu_spent() {
        return (FailureKind::CpuSpent, "its computing time is spent (limits.cpu-ms)".to_owned());
    }
    if let Some(too_much) = error.downcast_ref::<HandedTooMuch>() {
        return (FailureKind::TooMuchData, format!("it handed over too much: {too_much}"));
    }
    let trap = error.downcast_ref::<Trap>().copied();
    if trap == Some(Trap::StackOverflow) {
        return (FailureKind::StackExhausted, "its stack is exhausted".to_owned());
    }
    if meter.is_memory_refused() {
        let detail = "it asked for more memory than it may have (limits.memory-bytes, limits.table-elements)";
        return (FailureKind::OutOfMemory, detail.to_owned());
    }
    let cause = error.root_cause().to_string();
    if cause.contains("resource limit exceeded") {
        let detail = "it has more parts than it may have (limits.core-instances, limits.tables)";
        return (FailureKind::OutOfMemory, detail.to_owned());
    }
    if cause.contains("fuel allocated for hostcalls") || cause.contains("handle") && cause.contains("limit") {
        return (FailureKind::TooMuchData, format!("it handed over too much ({})", first_line(&cause)));
    }
    match trap {
        Some(trap) => (FailureKind::Trapped, format!("it trapped: {trap}")),
        None => (FailureKind::BadAnswer, format!("it broke the contract: {}", first_line(&cause))),
    }
}

/// A line of a cause; causes of ours are short, a guest's text could be anything.
fn first_line(cause: &str) -> String {
    cause.lines().next().unwrap_or_default().chars().filter(|c| !c.is_control()).take(300).collect()
}
