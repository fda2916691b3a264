//! The steps about signed releases: refuse a version without a signature, release one in steps, and have a misbehaving one
//! rolled back by itself. The connector is a guest, and the stand-in answers all its requests.

use std::{
    sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
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

/// The number of clients that erase people at the same time.
const CLIENTS: usize = 2;

/// By default, a step takes at least ten minutes and 300 calls.
const FEW_CALLS: [&str; 6] = ["--step-minutes", "0", "--calls", "40", "--calls-of-kind", "10"];

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
    let released =
        release(demo, "refers_two", 2, "20,60,100", |n| format!("step-{n}@example.com"), COMPLETED)?;
    let Released { shown, steps, requests, took } = released;
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
    let one_in_five =
        |n: u32| format!("{}-{n}@example.com", if n.is_multiple_of(5) { "trap" } else { "back" });
    let released = release(demo, "refers_flawed", 3, "50,100", one_in_five, ROLLED_BACK)?;
    let Released { shown, steps, took, .. } = released;
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
fn release(
    demo: &Demo,
    guest: &str,
    revision: u32,
    steps: &str,
    person: impl Fn(u32) -> String + Sync,
    end: i32,
) -> Result<Released> {
    let file = built(&demo.host, guest)?;
    let digest = sign(&demo.host, &file, revision)?;
    demo.service.command(&["plugin", "upload", SIGNED, &file], 0)?;
    demo.service.command(&["plugin", "approve", SIGNED, &digest], 0)?;
    let begin = ["plugin", "release", "begin", SIGNED, &digest, "--steps", steps];
    demo.service.command(&[begin.as_slice(), &FEW_CALLS].concat(), 0)?;
    let (is_over, next, start) = (AtomicBool::new(false), AtomicU32::new(0), Instant::now());
    let erase = || erase_until(demo, &is_over, || person(next.fetch_add(1, Relaxed)));
    let (seen, requests) = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(erase)).collect();
        let seen = seen_until_its_end(demo);
        is_over.store(true, Relaxed);
        let ended =
            clients.into_iter().map(|client| client.join().map_err(|_| anyhow!("the load panicked"))?);
        (seen, ended.collect::<Result<Vec<_>>>())
    });
    let (steps, requests) = (seen?, requests?.concat());
    let shown = demo.service.command(&["plugin", "release", "show", SIGNED], end)?;
    Ok(Released { shown, steps, requests, took: start.elapsed() })
}

/// Erases the next person again and again. Returns the paths of the requests.
fn erase_until(demo: &Demo, is_over: &AtomicBool, person: impl Fn() -> String) -> Result<Vec<String>> {
    let mut paths = Vec::new();
    while !is_over.load(Relaxed) {
        let body = json!({ "action": "erasure", "identity": { "email": person() } });
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
