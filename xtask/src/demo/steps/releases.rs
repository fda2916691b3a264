//! The steps about signed releases: refuse a version without a signature, release one in steps, and have a misbehaving one
//! rolled back by itself. The connector is a guest, and the stand-in answers all its requests.

use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, ensure};
use serde_json::{Value, json};

use super::super::{
    publisher::{SIGNED, built, sign},
    service::{CommandEnd, REFUSED},
    step::Demo,
};
use crate::programs::{
    document::{list, says, text},
    wait::until,
};

const CONNECTION: &str = "accounts";

/// The exit codes of `plugin release show`.
const COMPLETED: i32 = 0;
const ROLLED_BACK: i32 = 1;
const IN_PROGRESS: i32 = 4;

/// How long a release may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// By default, a step takes at least ten minutes and 300 calls.
const FEW_CALLS: [&str; 6] = ["--step-minutes", "0", "--calls", "40", "--calls-of-kind", "10"];

/// A version to release, and who is erased meanwhile.
struct NewVersion {
    guest: &'static str,
    revision: u32,
    steps: &'static str,
    person: fn(usize) -> String,
}

const GOOD: NewVersion = NewVersion {
    guest: "refers_two",
    revision: 2,
    steps: "20,60,100",
    person: |n| format!("step-{n}@example.com"),
};

/// Traps for one person in five.
const MISBEHAVING: NewVersion = NewVersion {
    guest: "refers_flawed",
    revision: 3,
    steps: "50,100",
    person: |n| format!("{}-{n}@example.com", if n.is_multiple_of(5) { "trap" } else { "back" }),
};

/// A release that has ended.
struct Released {
    /// What `plugin release show` printed.
    shown: Value,
    steps: Vec<StepSeen>,
    /// The paths of the erasures that were requested meanwhile.
    requests: Vec<String>,
    took: Duration,
}

/// A step, and the calls of the released version in it.
struct StepSeen {
    percent: String,
    calls: u64,
}

pub(super) fn refuse_unsigned(demo: &Demo) -> Result<String> {
    let file = built(&demo.host, "refers_one")?;
    let publish = ["plugin", "publish", SIGNED, &file, "--agree"];
    let refused = demo.service.command(&publish, REFUSED)?;
    let said = text(&refused, "/error/message")?;
    ensure!(said.contains("the component has no bundle"), "{said}");
    let digest = sign(&demo.host, &file, 1)?;
    let published = demo.service.command(&publish, 0)?;
    says(&published, "/digest", &digest)?;
    connect(demo)?;
    Ok("refused, since it has no bundle; signed as revision 1, it serves".to_owned())
}

/// Connects the plugin to the stand-in, which answers its requests from then on.
fn connect(demo: &Demo) -> Result<()> {
    for on in ["POST /act/*", "GET /look/*"] {
        let answer = json!({ "fault": { "answer": [200, {}] }, "on": on, "times": u32::MAX });
        demo.stand_in.post("faults", &answer)?;
    }
    let host = demo.stand_in.host();
    let connection = json!({
        "key": CONNECTION, "tenant": "acme", "plugin": SIGNED, "settings": { "domain": host },
        "egress": { "hosts": [host], "loopback": true, "plain_http": true },
    });
    demo.service.api.post("/api/v1/connection", &connection).map(drop)
}

pub(super) fn release_in_steps(demo: &Demo) -> Result<String> {
    let Released { shown, steps, requests, took } = release(demo, &GOOD, COMPLETED)?;
    says(&shown, "/verdict", "good")?;
    for path in &requests {
        let has_ended = |request: &Value| request.pointer("/finished_at").is_some_and(Value::is_number);
        says(&demo.service.api.once(path, has_ended)?, "/state", "done")?;
    }
    ensure!(running(demo)? == text(&shown, "/digest")?, "another version runs");
    let steps: Vec<_> =
        steps.iter().map(|step| format!("{} % ({} calls)", step.percent, step.calls)).collect();
    Ok(format!(
        "signed as revision 2; found good at {}, in service after {} s; {} erasures meanwhile, all done",
        steps.join(", "),
        took.as_secs(),
        requests.len()
    ))
}

pub(super) fn roll_back(demo: &Demo) -> Result<String> {
    let before = running(demo)?;
    let Released { shown, steps, took, .. } = release(demo, &MISBEHAVING, ROLLED_BACK)?;
    says(&shown, "/verdict", "bad")?;
    ensure!(running(demo)? == before, "another version runs");
    let alarms = demo.service.command(&["alarm", "list"], 0)?;
    ensure!(alarms.to_string().contains("plugin-release-rolled-back"), "no alarm in {alarms}");
    let step = steps.last().context("no step was seen")?;
    let traps =
        list(&shown, "/reasons")?.iter().filter_map(Value::as_str).find(|why| why.starts_with("traps"));
    Ok(format!(
        "signed as revision 3; rolled back by itself from {} % after {} s: {}",
        step.percent,
        took.as_secs(),
        traps.with_context(|| format!("no traps in {shown}"))?
    ))
}

/// Signs, uploads, approves and releases a version, and erases people until the release ends as `end` says.
fn release(demo: &Demo, version: &NewVersion, end: i32) -> Result<Released> {
    let file = built(&demo.host, version.guest)?;
    let digest = sign(&demo.host, &file, version.revision)?;
    demo.service.command(&["plugin", "upload", SIGNED, &file], 0)?;
    demo.service.command(&["plugin", "approve", SIGNED, &digest], 0)?;
    let begin = ["plugin", "release", "begin", SIGNED, &digest, "--steps", version.steps];
    demo.service.command(&[begin.as_slice(), &FEW_CALLS].concat(), 0)?;
    let (is_over, start) = (AtomicBool::new(false), Instant::now());
    let (steps, requests) = thread::scope(|scope| {
        let load = scope.spawn(|| erase_until(demo, &is_over, version.person));
        let steps = seen_until_its_end(demo);
        is_over.store(true, Relaxed);
        (steps, load.join().map_err(|_| anyhow!("the load panicked")))
    });
    let (steps, requests) = (steps?, requests??);
    let shown = demo.service.command(&["plugin", "release", "show", SIGNED], end)?;
    Ok(Released { shown, steps, requests, took: start.elapsed() })
}

/// Erases one person after another. Returns the paths of the requests.
fn erase_until(demo: &Demo, is_over: &AtomicBool, person: fn(usize) -> String) -> Result<Vec<String>> {
    let mut paths = Vec::new();
    while !is_over.load(Relaxed) {
        let body = json!({ "action": "erasure", "identity": { "email": person(paths.len()) } });
        let taken = demo.service.api.post(&format!("/api/v1/connection/{CONNECTION}/requests"), &body)?;
        paths.push(format!("/api/v1/requests/{}", text(&taken, "/id")?));
    }
    Ok(paths)
}

/// Looks at the release until it has ended. Returns its steps.
fn seen_until_its_end(demo: &Demo) -> Result<Vec<StepSeen>> {
    let mut steps: Vec<StepSeen> = Vec::new();
    until("the end of the release", PATIENCE, || {
        let CommandEnd { code, document } = demo.service.ran(&["plugin", "release", "show", SIGNED])?;
        let is_in_progress = code == Some(IN_PROGRESS);
        let percent = document.pointer("/share").and_then(Value::as_f64).context("no share")?.to_string();
        let calls = calls_of_released(&document);
        match steps.last_mut() {
            Some(step) if !is_in_progress || step.percent == percent => step.calls = calls,
            _ => steps.push(StepSeen { percent, calls }),
        }
        Ok((!is_in_progress).then_some(()))
    })?;
    Ok(steps)
}

fn calls_of_released(release: &Value) -> u64 {
    let kinds = release.pointer("/calls").and_then(Value::as_array).into_iter().flatten();
    kinds.filter_map(|kind| kind.pointer("/new/calls")?.as_u64()).sum()
}

/// Returns the digest of the version that serves.
fn running(demo: &Demo) -> Result<String> {
    let plugin = demo.service.api.get(&format!("/api/v1/plugins/{SIGNED}"))?;
    Ok(text(&plugin, "/digest")?.to_owned())
}
