//! What hostile calls leave behind in the host's memory, measured in a separate process.

use std::{fs, process::Command};

use super::*;

/// The allowed growth beyond the memory of the guest itself, in bytes.
const ALLOWED: usize = 8 << 20;

#[test]
fn hostile_calls_leave_nothing_behind() {
    let alone = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--ignored", "--nocapture", "limits::resident::alone"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&alone.stdout);
    assert!(
        alone.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&alone.stderr)
    );
}

#[tokio::test]
#[ignore = "run by hostile_calls_leave_nothing_behind, in a separate process"]
async fn alone() {
    round().await;
    let before = bytes("VmRSS");
    for _ in 0..10 {
        round().await;
    }
    let (after, most) = (bytes("VmRSS"), bytes("VmHWM"));
    assert!(after < before + ALLOWED, "{before} bytes before, {after} after");
    let limit = CallLimits::default().memory_bytes;
    assert!(most < before + limit + ALLOWED, "{before} bytes before, {most} at most");
}

/// Makes one call for each misdeed that consumes resources of the host.
async fn round() {
    let limits = || CallLimits { cpu_ms: 50, ..Default::default() };
    for name in ["spin", "grow", "recurse", "panic", "huge-string", "huge-list", "log-flood"] {
        drop(misdeed(name, limits()).await.test_connection().await);
    }
    for letter in ["a", "l", "r", "f", "g", "t"] {
        drop(breach(letter, limits()).await.test_connection().await);
    }
}

/// Returns a value from the process's status, in bytes.
fn bytes(name: &str) -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() << 10
}
