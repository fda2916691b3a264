//! Calls that are made without sending anything, to compare versions.

use connector_tests::{Bench, Vendor, plugin, spec};
use host_harness::{
    contract::{
        Subject,
        consent::{Choice, Preference},
        erasure::PendingErasure,
        manifest::Effect,
    },
    sandbox::{Calls, FailureKind},
    shadow::{PlannedRequest, ShadowCall, ShadowEnd, ShadowRun},
};

fn ada() -> Subject {
    Subject::email("ada@example.com")
}

fn choices() -> Vec<Preference> {
    let item = "channel:1".parse().unwrap();
    vec![Preference { item, choice: Choice::OptOut, chosen_at_ms: 1, source: "form".to_owned() }]
}

/// Returns calls of `guest` with these settings at `vendor`.
async fn calls(guest: &str, vendor: &Vendor, settings: &[(&str, &str)]) -> Calls {
    let mut spec = spec(guest, settings);
    vendor.allow(&mut spec);
    Bench::default().calls(&plugin(guest).await, &spec)
}

/// Returns the operation of each request, with its effect.
fn planned(run: &ShadowRun) -> Vec<(String, Effect, bool)> {
    let request = |PlannedRequest { operation, is_permitted, .. }: &PlannedRequest| {
        let operation = operation.clone().unwrap();
        (operation.name, operation.effect, *is_permitted)
    };
    run.requests.iter().map(request).collect()
}

#[tokio::test]
async fn a_call_goes_on_over_writes_until_it_would_read_and_the_vendor_hears_nothing() {
    let vendor = Vendor::agreeable().await;
    let settings = [("send", "act:200 act:200 look:200 act:200"), ("outcome", "erased")];
    let calls = calls("reports", &vendor, &settings).await;
    let act = ("act".to_owned(), Effect::Write, true);
    let look = ("look".to_owned(), Effect::Read, true);
    for call in [
        ShadowCall::Erase(ada()),
        ShadowCall::Confirm(PendingErasure { subject: ada(), reference: None }),
        ShadowCall::Apply(ada(), choices()),
        ShadowCall::Current(ada()),
    ] {
        let run = call.run(&calls).await;
        assert_eq!(planned(&run), [act.clone(), act.clone(), look.clone()], "{call:?}");
        assert_eq!(run.end, ShadowEnd::Reading, "{call:?}");
    }
    assert_eq!(vendor.lines(), [""; 0]);
}

#[tokio::test]
async fn a_call_that_does_not_read_ends_with_its_outcome() {
    let vendor = Vendor::agreeable().await;
    for (requests, outcome, call, end) in [
        ("act:200", "erased", ShadowCall::Erase(ada()), ShadowEnd::Reported("erased".to_owned())),
        (
            "act:200",
            "applied",
            ShadowCall::Apply(ada(), choices()),
            ShadowEnd::Reported("applied".to_owned()),
        ),
        // Nothing supports it.
        ("", "erased", ShadowCall::Erase(ada()), ShadowEnd::Stopped(FailureKind::BadAnswer)),
    ] {
        let calls = calls("reports", &vendor, &[("send", requests), ("outcome", outcome)]).await;
        assert_eq!(call.run(&calls).await.end, end, "{requests} {outcome}");
    }
    let traps = calls("traps_on_erase", &vendor, &[]).await;
    assert_eq!(ShadowCall::Erase(ada()).run(&traps).await.end, ShadowEnd::Stopped(FailureKind::Trapped));
    assert_eq!(vendor.lines(), [""; 0]);
}

#[tokio::test]
async fn a_request_that_the_host_refuses_is_planned_as_refused() {
    let vendor = Vendor::agreeable().await;
    let calls = calls("puppet", &vendor, &[("script", r#"[{"send": "seldom"}]"#)]).await;
    let run = ShadowCall::Erase(ada()).run(&calls).await;
    // Only calls of `connector` may send it.
    assert_eq!(planned(&run), [("seldom".to_owned(), Effect::Read, false)]);
    assert_eq!(run.end, ShadowEnd::Reported("accepted".to_owned()));
}

#[tokio::test]
async fn neither_real_calls_nor_comparisons_wait_for_the_others() {
    let vendor = Vendor::agreeable().await;
    let calls = calls("reports", &vendor, &[("send", "look:200 act:200"), ("outcome", "erased")]).await;
    // The same person at once, whose real calls take turns.
    let (call, person) = (ShadowCall::Erase(ada()), ada());
    let (first, real, second) = tokio::join!(call.run(&calls), calls.erase(&person), call.run(&calls));
    assert_eq!((first.end, second.end), (ShadowEnd::Reading, ShadowEnd::Reading));
    real.unwrap().unwrap();
    assert_eq!(vendor.lines().len(), 2);
}
