//! Components that are compiled in a process with limits.
#![cfg(unix)]

use std::{path::Path, sync::Arc};

use connector_tests::{Bench, guest, plugin as shared, spec};
use host_harness::{
    compile::{Compilation, CompileLimit, CompileLimits, Compiler, CompilingProgram},
    engine::{Engine, PoolSize},
    plugin::LoadError,
};
use test_support::eventually;

use super::*;

/// How the program of these tests is started.
const PROGRAM: &str = env!("CARGO_BIN_EXE_compiles");

fn program() -> CompilingProgram {
    CompilingProgram::new(PROGRAM, [""; 0])
}

/// Runs `script` in a shell, in place of the program. `$0` is the program.
fn shell(script: &str) -> CompilingProgram {
    CompilingProgram::new("/bin/sh", ["-c", script, PROGRAM])
}

fn engine(program: CompilingProgram, limits: CompileLimits) -> Arc<Engine> {
    let compilation = Compilation { compiler: Compiler::Child(program), limits, ..Compilation::default() };
    Arc::new(Engine::new(&PoolSize::of(1)).unwrap().compiling(compilation))
}

async fn load_on(engine: &Arc<Engine>, bytes: Vec<u8>) -> Result<Plugin, LoadError> {
    Plugin::load(engine, bytes, &LoadPolicy::default()).await
}

async fn refusal_with(program: CompilingProgram, limits: CompileLimits, bytes: Vec<u8>) -> LoadError {
    load_on(&engine(program, limits), bytes).await.unwrap_err()
}

/// A core module with one function, of `count` statements on `locals` variables.
fn module(locals: usize, count: usize, statement: impl Fn(usize) -> String, end: &str) -> String {
    let statements: String = (0..count).map(statement).collect();
    let (locals, end) = ("i64 ".repeat(locals), end.repeat(count));
    format!("(component (core module $m (func (local {locals}) {statements} {end})))")
}

/// Loops in loops, each of which changes a variable.
fn deep_loops(levels: usize) -> Vec<u8> {
    let level = |at| format!("loop (local.set {} (i64.add (local.get {at}) (i64.const 1))) ", at + 1);
    let level = |at: usize| level(at % 999);
    extended(&module(1_000, levels, level, "(br_if 0 (i32.const 0)) end "))
}

/// Branches one after the other, across which all variables live.
fn wide_function(branches: usize) -> Vec<u8> {
    let branch = |at: usize| {
        let (from, to) = (at * 7 % 20_000, at * 13 % 20_000);
        format!(
            "block (br_if 0 (i32.const 0)) (local.set {to} (i64.add (local.get {from}) (local.get {to}))) end "
        )
    };
    extended(&module(20_000, branches, branch, ""))
}

/// Components in components, each of which instantiates the one within twice.
fn nested_components(levels: usize) -> Vec<u8> {
    let level = |level: usize| {
        let below = level - 1;
        format!(
            "(component $c{level} (alias outer 1 $c{below} (component $c)) \
             (instance (instantiate $c)) (instance (instantiate $c)))"
        )
    };
    let inner: String = (1..=levels).map(level).collect();
    extended(&format!("(component (component $c0) {inner} (instance (instantiate $c{levels})))"))
}

#[tokio::test]
async fn a_component_that_was_compiled_in_a_process_runs_as_any_other() {
    let engine = engine(program(), CompileLimits::default());
    let plugin = Arc::new(load_on(&engine, guest("build_one")).await.unwrap());
    let in_process = shared("build_one").await;
    assert_eq!((plugin.digest(), plugin.parts()), (in_process.digest(), in_process.parts()));
    assert_eq!(plugin.manifest(), in_process.manifest());
}

#[tokio::test]
async fn what_the_compiler_refuses_has_the_same_sentence_in_a_process() {
    let broken = extended("(component (core module (func (result i32))))");
    let refused = refusal_with(program(), CompileLimits::default(), broken.clone()).await.to_string();
    assert!(refused.starts_with(PREFIX), "{refused}");
    assert_eq!(refused, refusal(broken).await);
}

/// The limits are the machine's time: each bomb would take many times as long.
#[tokio::test]
async fn deep_loops_end_at_the_limit_of_computing_time_and_calls_and_other_plugins_go_on() {
    let limits = CompileLimits { cpu_seconds: 2, ..CompileLimits::default() };
    let engine = engine(program(), limits);
    let (of_bomb, bytes) = (Arc::clone(&engine), deep_loops(10_000));
    assert!(bytes.len() < 2 << 20);
    let bomb = tokio::spawn(async move { load_on(&of_bomb, bytes).await });
    let (bench, plugin) = (Bench::default(), shared("build_one").await);
    let calls = bench.calls(&plugin, &spec("other", &[]));
    for _ in 0..100 {
        calls.test_connection().await.unwrap().unwrap();
    }
    load_on(&engine, guest("build_one")).await.unwrap();
    assert!(!bomb.is_finished());
    let ended = bomb.await.unwrap().unwrap_err();
    assert!(matches!(ended, LoadError::CompileLimit(CompileLimit::Cpu(2))), "{ended}");
    assert_eq!(
        ended.to_string(),
        "compiling it takes more than the 2 s of computing time that compile.cpu-seconds allows; \
         raise the limit if you trust the plugin"
    );
}

#[tokio::test]
async fn a_wide_function_ends_at_the_limit_of_memory() {
    let limits = CompileLimits { memory_bytes: 1 << 29, ..CompileLimits::default() };
    let bytes = wide_function(40_000);
    assert!(bytes.len() < 2 << 20);
    let ended = refusal_with(program(), limits, bytes).await;
    assert_eq!(
        ended.to_string(),
        "compiling it takes more memory than the 536870912 bytes that compile.memory-bytes allows; \
         raise the limit if you trust the plugin"
    );
}

#[tokio::test]
async fn a_limit_of_memory_that_does_not_hold_the_component_or_the_threads_is_named_too() {
    for mebibytes in [1, 8, 16, 24, 32] {
        let limits = CompileLimits { memory_bytes: mebibytes << 20, ..CompileLimits::default() };
        let ended = refusal_with(program(), limits, guest("build_one")).await;
        assert!(matches!(ended, LoadError::CompileLimit(CompileLimit::Memory(_))), "{mebibytes}: {ended}");
    }
}

/// With a level more, the bytes alone show it: see `parts.rs`.
#[tokio::test]
async fn nested_components_end_at_the_size_of_an_instance() {
    let ended = refusal_with(program(), CompileLimits::default(), nested_components(18)).await.to_string();
    let start = format!("{PREFIX}the instances of its components take more space than a call has: ");
    assert!(ended.starts_with(&start), "{ended}");
}

#[tokio::test]
async fn a_bomb_ends_at_the_limit_of_time() {
    let limits = CompileLimits { wall_seconds: 1, ..CompileLimits::default() };
    let ended = refusal_with(program(), limits, deep_loops(10_000)).await;
    assert_eq!(
        ended.to_string(),
        "compiling it takes longer than the 1 s that compile.wall-seconds allows; \
         raise the limit if you trust the plugin"
    );
}

#[tokio::test]
async fn code_that_is_too_large_is_refused_with_both_sizes() {
    let limits = CompileLimits { output_bytes: 1_000, ..CompileLimits::default() };
    let ended = refusal_with(program(), limits, guest("build_one")).await;
    let LoadError::CompileLimit(CompileLimit::Output { found, allowed: 1_000 }) = ended else {
        panic!("{ended}")
    };
    assert_eq!(
        ended.to_string(),
        format!(
            "its compiled code has {found} bytes, more than the 1000 that compile.output-bytes allows; \
             raise the limit if you trust the plugin"
        )
    );
}

#[tokio::test]
async fn a_process_is_gone_once_nobody_waits_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    let script = format!("echo $$ > {}; exec \"$0\"", file.display());
    let engine = engine(shell(&script), CompileLimits::default());
    let loading = tokio::spawn(async move { load_on(&engine, deep_loops(10_000)).await });
    let pid = async || std::fs::read_to_string(&file).unwrap_or_default();
    let pid = eventually("the process", pid, |pid| pid.ends_with('\n')).await;
    loading.abort();
    let process = Path::new("/proc").join(pid.trim());
    eventually("the end of the process", async || process.exists(), |exists| !exists).await;
}

#[tokio::test]
async fn a_process_has_nothing_of_the_hosts_environment() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("environment");
    let script = format!("/usr/bin/env > {}; exec \"$0\"", file.display());
    load_on(&engine(shell(&script), CompileLimits::default()), guest("build_one")).await.unwrap();
    let environment = std::fs::read_to_string(file).unwrap();
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    let names: Vec<_> = environment.lines().filter_map(|line| line.split_once('=')).collect();
    // The shell adds the last three.
    assert!(
        names.iter().all(|(name, _)| ["RAYON_NUM_THREADS", "PWD", "SHLVL", "_"].contains(name)),
        "{names:?}"
    );
}

#[tokio::test]
async fn a_program_that_does_not_compile_for_this_host_is_named_with_the_reason() {
    let other = "read -r _; echo '{\"compiled\":{\"compatibility\":\"COMPATIBILITY\",\"code_bytes\":0}}'"
        .replace("COMPATIBILITY", &"00".repeat(32));
    for (program, end) in [
        (
            CompilingProgram::new("/nonexistent", [""; 0]),
            "/nonexistent cannot be started: No such file or directory (os error 2)",
        ),
        (shell(&other), "/bin/sh compiles for another host: it has to be of the same version"),
        (shell("echo cannot >&2; exit 3"), "/bin/sh ended with exit status: 3: cannot"),
        (shell("read -r _; echo code"), "/bin/sh ended with exit status: 0: "),
    ] {
        let ended = refusal_with(program, CompileLimits::default(), guest("build_one")).await;
        assert_eq!(ended.to_string(), format!("the compiling program {end}"));
    }
}

#[tokio::test]
async fn a_crash_of_the_compiler_is_told_from_a_kill_of_the_system() {
    for script in ["kill -SEGV $$", "kill -ABRT $$", "exit 101"] {
        let ended = refusal_with(shell(script), CompileLimits::default(), guest("build_one")).await;
        assert!(matches!(ended, LoadError::CompilerFailed), "{script}: {ended}");
    }
    let ended = refusal_with(shell("kill -KILL $$"), CompileLimits::default(), guest("build_one")).await;
    assert!(matches!(ended, LoadError::CompilerKilled), "{ended}");
}
