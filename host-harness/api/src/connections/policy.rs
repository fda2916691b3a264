//! Who may set what: a tenant narrows where its requests go, and never widens it. The host stands in the operator's network.

use serde_json::json;

use crate::{
    caller::Caller,
    problem::{Problem, kinds},
};
use host_harness::connection::{CallLimits, EgressPolicy};
use host_service::connections::owned::Owned;

/// Whether `caller` may make `new`.
pub(super) fn check_new(caller: &Caller, new: &Owned) -> Result<(), Problem> {
    let tenant = &new.spec.tenant.0;
    if !caller.reaches(tenant) {
        let detail = format!(
            "this API key makes connections of {} alone",
            caller.tenants().unwrap_or_default().join(", ")
        );
        return Err(Problem::of(kinds::NOT_ALL_TENANTS, detail));
    }
    let (egress, limits) = (EgressPolicy::default(), CallLimits::default());
    check(caller, (&egress, &limits), (&new.spec.policy, &new.spec.limits))
}

/// Whether `caller` may make `after` of `before`.
pub(super) fn check_change(caller: &Caller, before: &Owned, after: &Owned) -> Result<(), Problem> {
    let (was, is) = (&before.spec, &after.spec);
    check(caller, (&was.policy, &was.limits), (&is.policy, &is.limits))
}

fn check(
    caller: &Caller,
    (was, limited): (&EgressPolicy, &CallLimits),
    (is, limits): (&EgressPolicy, &CallLimits),
) -> Result<(), Problem> {
    if caller.reaches_everybody() {
        return Ok(());
    }
    let but_denials = |policy: &EgressPolicy| EgressPolicy { denied_operations: [].into(), ..policy.clone() };
    let mut widened = Vec::new();
    if but_denials(was) != but_denials(is) {
        widened.push("egress");
    }
    if !was.denied_operations.is_subset(&is.denied_operations) {
        widened.push("egress.denied_operations");
    }
    if limited != limits {
        widened.push("limits");
    }
    if widened.is_empty() {
        return Ok(());
    }
    let detail = format!(
        "{}: an API key to some tenants may deny further operations and nothing else here; use one that was made \
         without --tenant",
        widened.join(", ")
    );
    Err(Problem::of(kinds::NOT_ALL_TENANTS, detail).with("fields", json!(widened)))
}
