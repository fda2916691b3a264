//! Where a call was when it ended.

use std::sync::{Arc, Mutex};

use connector_tests::{Bench, logs, plugin, spec};
use host_harness::{
    connection::CallLimits,
    egress::{CallUsage, Trace, TraceEvent},
    engine::{Engine, PoolSize},
    plugin::{LoadPolicy, Plugin},
    sandbox::{Calls, FailureKind},
};

use super::{breach, ended, passed};

/// Returns what the trace of a test of the connection says about the call.
async fn usage(calls: Calls) -> CallUsage {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let trace = Trace::new({
        let seen = Arc::clone(&seen);
        move |event| seen.lock().unwrap().push(event.clone())
    });
    let _answer = calls.traced(trace).test_connection().await;
    let mut seen = seen.lock().unwrap();
    let Some(TraceEvent::Call(usage)) = seen.pop() else { panic!("the call was not traced: {seen:?}") };
    usage
}

#[tokio::test]
async fn a_trap_names_the_functions_with_file_and_line_in_the_trace_and_the_log() {
    logs::keep();
    let calls = breach("r", CallLimits::default()).await;
    let source = include_str!("../../guests/wat/breaks_the_abi.wat");
    let line = 1 + source.lines().position(|line| line.contains("(call $recurse (i32.add")).unwrap();
    let frames = usage(calls).await.frames;
    assert_eq!(frames[1], format!("recurse (tests/guests/wat/breaks_the_abi.wat:{line})"), "{frames:?}");
    assert_eq!(frames.len(), 12, "a deep stack is cut");
    let logged = logs::lines(r#"connection="abi-r""#);
    let [logged] = logged.as_slice() else { panic!("{logged:?}") };
    let at = format!("recurse (tests/guests/wat/breaks_the_abi.wat:{line}) < recurse (");
    assert!(logged.contains("the sandbox ended a call") && logged.contains(&at), "{logged}");
    assert!(
        logged.contains(
            r#"interface="connector" plugin="breaks-the-abi" version="0.0.0" cause="stack-exhausted""#
        ),
        "{logged}"
    );
}

#[tokio::test]
async fn the_end_of_a_call_is_not_logged_without_a_permit() {
    logs::keep();
    let spec = spec("abi-no-permit", &[("misdeed", "r")]);
    let calls = Bench::default().calls(&plugin("breaks_the_abi").await, &spec);
    let ended = calls.clone().logged_if(|| false).test_connection().await;
    assert_eq!(ended.unwrap_err().kind, FailureKind::StackExhausted);
    assert_eq!(logs::lines(r#"connection="abi-no-permit""#), Vec::<String>::new());
    let _ended = calls.logged_if(|| true).test_connection().await;
    assert_eq!(logs::lines(r#"connection="abi-no-permit""#).len(), 1);
}

/// Reading it takes time and memory beyond the call's limits, which a component could make as large as it wants.
#[tokio::test]
async fn the_debug_information_of_a_component_is_not_read_unless_the_engine_is_created_for_it() {
    let engine = Arc::new(Engine::new(&PoolSize::of(1)).unwrap());
    let bytes = connector_tests::guest("breaks_the_abi");
    let plugin = Arc::new(Plugin::load(&engine, bytes, &LoadPolicy::default()).await.unwrap());
    let calls = Bench::on(engine, 1).calls(&plugin, &spec("abi-names-only", &[("misdeed", "r")]));
    let frames = usage(calls).await.frames;
    assert_eq!(frames[1], "recurse", "{frames:?}");
}

#[tokio::test]
async fn the_name_of_a_function_cannot_change_a_terminal_and_those_of_a_panic_itself_are_left_out() {
    let frames = usage(breach("n", CallLimits::default()).await).await.frames;
    assert!(frames[0].starts_with(r"gives \u{202e}up\n (tests/guests/wat/breaks_the_abi.wat:"), "{frames:?}");
}

#[tokio::test]
async fn a_call_that_is_out_of_time_names_the_function_that_it_was_in() {
    let spins = breach(&"x".repeat(103), CallLimits { cpu_ms: 20, ..Default::default() }).await;
    let usage = usage(spins).await;
    assert!(usage.computing.used >= usage.computing.limit, "{usage:?}");
    assert!(usage.frames[0].starts_with("realloc (tests/guests/wat/breaks_the_abi.wat:"), "{usage:?}");
}

/// The message of a panic may name a person.
#[tokio::test]
async fn a_panic_hook_logs_the_file_and_the_line_and_not_the_message() {
    logs::keep();
    let calls = Bench::default().calls(&plugin("panics").await, &spec("panics-with-hook", &[]));
    assert_eq!(
        calls.test_connection().await,
        ended(FailureKind::Trapped, "it trapped: wasm trap: wasm `unreachable` instruction executed")
    );
    let source = include_str!("../../guests/examples/panics.rs");
    let hook = source.find("fn log_panics").and_then(|from| source[from..].split("\n\n").next()).unwrap();
    assert!(include_str!("../../../docs/author.md").contains(hook), "the guide shows another hook");
    let line = 1 + source.lines().position(|line| line.contains("panic!(")).unwrap();
    let lines = logs::lines(r#"connection="panics-with-hook""#);
    let [logged] = lines.as_slice() else { panic!("{lines:?}") };
    assert!(
        logged.contains(&format!("guest: panicked at tests/guests/examples/panics.rs:{line}")),
        "{logged}"
    );
    assert!(!logged.contains("ada@"), "{logged}");
}

#[tokio::test]
async fn a_trace_shows_what_a_call_used_and_was_allowed_to_use() {
    let limits = CallLimits { cpu_ms: 1_000, memory_bytes: 8 << 20, requests: 7, ..Default::default() };
    let mut spec = spec("traced-usage", &[]);
    spec.limits = limits;
    let calls = Bench::default().calls(&plugin("misbehaves").await, &spec);
    assert_eq!(calls.test_connection().await, passed("behaved"));
    let usage = usage(calls).await;
    assert_eq!(
        (usage.computing.limit.as_millis(), usage.memory.limit, usage.requests.limit),
        (1_000, 8 << 20, 7)
    );
    assert!((64 << 10..8 << 20).contains(&usage.memory.used), "{usage:?}");
    assert_eq!((usage.requests.used, usage.interface.to_string().as_str()), (0, "connector"));
    assert_eq!(usage.frames, Vec::<String>::new());
}
