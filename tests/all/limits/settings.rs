//! Limits that are configurable although most operators never change them.

use std::{sync::Arc, time::Duration};

use connector_tests::{Bench, guest, logs, plugin, spec};
use host_harness::{
    engine::{Engine, PoolSize, WASM_STACK},
    plugin::{LoadPolicy, Plugin},
};

use super::*;

#[tokio::test]
async fn a_line_is_as_long_as_the_operator_says() {
    logs::keep();
    let mut spec = spec("short-lines", &[("misdeed", "log-bytes")]);
    (spec.limits.log_line_bytes, spec.limits.log_bytes) = (100, 150);
    let answer = Bench::default().calls(&plugin("misbehaves").await, &spec).test_connection().await;
    assert_eq!(answer, passed("logged"));
    let lines = logs::lines(r#"connection="short-lines""#);
    let long: Vec<_> = lines.iter().map(|line| line.matches('é').count()).collect();
    assert_eq!(long, [50, 25, 0], "{lines:?}");
}

#[tokio::test]
async fn a_component_of_more_parts_than_the_operator_allows_ends_its_call() {
    let parts = "it has more parts than allowed (limits.core-instances, limits.memories, limits.tables)";
    for limits in [
        CallLimits { core_instances: 1, ..Default::default() },
        CallLimits { tables: 0, ..Default::default() },
    ] {
        let answer = misdeed("none", limits).await.test_connection().await;
        assert_eq!(answer, ended(FailureKind::OutOfMemory, parts));
    }
    neighbour_works().await;
}

#[tokio::test]
async fn a_smaller_stack_ends_a_recursion_that_the_usual_one_holds() {
    for (wasm_stack, holds) in [(WASM_STACK, true), (8 << 10, false)] {
        let small = Arc::new(Engine::new(&PoolSize { wasm_stack, ..PoolSize::of(2) }).unwrap());
        let loaded = Plugin::load(&small, guest("reads_json"), &LoadPolicy::default()).await;
        let plugin = Arc::new(loaded.unwrap());
        let answer = super::data::read_on(&Bench::on(small, 2), &plugin, super::data::nested(127)).await;
        let ended = answer.as_ref().err().map(|failure| failure.kind);
        assert_eq!(ended, (!holds).then_some(FailureKind::StackExhausted), "{answer:?}");
    }
}

#[tokio::test]
async fn a_plugin_describes_itself_in_the_time_that_the_operator_gives_it() {
    let policy = LoadPolicy { describe: Duration::from_millis(50), ..Default::default() };
    let refused =
        Plugin::load(&connector_tests::engine(), guest("describe_loops"), &policy).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "could not describe itself: the sandbox ended the call: 50 ms have passed (the plugin's describe-ms)"
    );
}
