//! A guest that exceeds its share of time, memory, stack, text or requests affects only its own call.

mod answers;
mod backtraces;
mod computing;
mod data;
mod host_calls;
mod memory;
#[cfg(target_os = "linux")]
mod resident;
mod settings;
mod waiting;

use connector_tests::{Bench, plugin, spec};
use host_harness::{
    connection::{CallLimits, TenantId},
    contract::{Check, CheckOutcome},
    sandbox::{CallFailure, CallResult, Calls, FailureKind},
};

/// Returns calls of `misbehaves` that perform `misdeed`.
async fn misdeed(misdeed: &str, limits: CallLimits) -> Calls {
    let mut spec = spec(misdeed, &[("misdeed", misdeed)]);
    spec.limits = limits;
    Bench::default().calls(&plugin("misbehaves").await, &spec)
}

/// Returns calls of `breaks_the_abi` that perform the misdeed with this letter or length.
async fn breach(misdeed: &str, limits: CallLimits) -> Calls {
    let mut spec = spec(&format!("abi-{misdeed}"), &[("misdeed", misdeed)]);
    spec.limits = limits;
    Bench::default().calls(&plugin("breaks_the_abi").await, &spec)
}

/// Asserts that a connection of another tenant still answers on the same engine.
async fn neighbour_works() {
    let mut spec = spec("neighbour", &[]);
    spec.tenant = TenantId("neighbour".to_owned());
    let answer = Bench::default().calls(&plugin("misbehaves").await, &spec).test_connection().await;
    assert_eq!(answer, passed("behaved"));
}

#[expect(clippy::unnecessary_wraps, reason = "it is compared with a call's result, like `ended`")]
fn passed(detail: &str) -> CallResult<Vec<Check>> {
    Ok(Ok(vec![Check { name: "misdeed".into(), outcome: CheckOutcome::Passed, detail: detail.into() }]))
}

fn ended(kind: FailureKind, detail: &str) -> CallResult<Vec<Check>> {
    Err(CallFailure { kind, detail: detail.into(), may_have_acted: false, contradicted: None })
}
