//! The steps about the versions of a plugin: publish one that proves itself, refuse those that do not, and put one back.

use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
};

use anyhow::{Context as _, Result, anyhow, ensure};
use serde_json::{Value, json};
use xtask::components;

use super::super::{service::REFUSED, step::Demo};
use crate::programs::document::{list, says, text};

/// Publishes a version while people opt out, one after another.
pub(super) fn publish(demo: &Demo) -> Result<String> {
    // The swap of an earlier step left the next version in the file, which runs since the restart.
    let other = components::current("iterable")?;
    let is_published = AtomicBool::new(false);
    let (published, submitted) = thread::scope(|scope| {
        let load = scope.spawn(|| opt_outs_until(demo, &is_published));
        let published = demo.service.command(&["plugin", "publish", "iterable", &other.to_string_lossy()], 0);
        is_published.store(true, Relaxed);
        (published, load.join().map_err(|_| anyhow!("the load panicked")))
    });
    let (published, submitted) = (published?, submitted??);
    for id in &submitted {
        let path = format!("/api/v1/requests/{id}");
        let ended =
            demo.service.api.once(&path, |of| of.pointer("/finished_at").is_some_and(Value::is_number))?;
        says(&ended, "/state", "done")?;
    }
    let steps = list(&published, "/steps")?;
    let proven = steps.iter().find(|step| says(step, "/state", "proven").is_ok()).context("no proof")?;
    let parts = list(proven, "/evidence/proof/parts")?.len();
    says(proven, "/evidence/proof/result", "passed")?;
    let took: u64 = steps.iter().filter_map(|step| step.pointer("/took_ms")?.as_u64()).sum();
    Ok(format!(
        "{parts} parts of the proof passed, in service after {took} ms; {} opt-outs meanwhile, all done",
        submitted.len()
    ))
}

/// Submits the opt-out of another person again and again. Returns the ids of the requests.
fn opt_outs_until(demo: &Demo, is_over: &AtomicBool) -> Result<Vec<String>> {
    let mut ids = Vec::new();
    while !is_over.load(Relaxed) {
        let email = format!("during-{}@example.com", ids.len());
        let item =
            json!({ "item": { "kind": "channel", "id": "6541" }, "choice": "opt_out", "source": "demo" });
        let body = json!({ "identity": { "email": email }, "preferences": { "items": [item] } });
        let taken = demo.service.api.post("/api/v1/connection/marketing/consent", &body)?;
        ids.push(text(&taken, "/id")?.to_owned());
    }
    ensure!(!ids.is_empty(), "no opt-out was submitted in time");
    Ok(ids)
}

pub(super) fn refuse_a_lie(demo: &Demo) -> Result<String> {
    refused(demo, "liar", "guests/reports", "reported erase-accepted, which needs")
}

pub(super) fn refuse_a_trap(demo: &Demo) -> Result<String> {
    refused(demo, "trapper", "guests/traps_on_erase", "it trapped")
}

/// Publishes the plugin `name`, whose proof fails with `finding`. As a version of another plugin it would be refused earlier,
/// since the settings of its connections do not suit it.
fn refused(demo: &Demo, name: &str, guest: &str, finding: &str) -> Result<String> {
    let before = running(demo)?;
    let file = components::current(guest)?;
    let problem =
        demo.service.command(&["plugin", "publish", name, &file.to_string_lossy(), "--agree"], REFUSED)?;
    let said = text(&problem, "/error/message")?;
    let (_, rest) = said.split_once(finding).with_context(|| said.to_owned())?;
    ensure!(running(demo)? == before, "another version runs");
    let history = demo.service.api.get(&format!("/api/v1/plugins/{name}/versions"))?;
    let steps = list(&history, "/versions")?
        .iter()
        .filter_map(|version| version.pointer("/steps")?.as_array()?.last());
    let refusals = steps.filter(|step| says(step, "/reason", "not-proven").is_ok()).count();
    ensure!(refusals > 0, "the history has no refusal");
    let rest: String = rest.chars().take(30).collect();
    Ok(format!("refused by its proof ({finding}{rest}…); the running version serves on"))
}

pub(super) fn put_back(demo: &Demo) -> Result<String> {
    let history = demo.service.api.get("/api/v1/plugins/iterable/versions")?;
    let first = list(&history, "/versions")?.iter().find(|version| says(version, "/source", "file").is_ok());
    let digest = text(first.context("no version of the file")?, "/digest")?;
    let beginning: String = digest.chars().take(19).collect();
    let served = demo.service.command(&["plugin", "serve", "iterable", &beginning], 0)?;
    says(&served, "/digest", digest)?;
    ensure!(running(demo)? == digest, "another version runs");
    Ok(format!("{beginning}… serves again"))
}

/// Returns the digest of the version that serves.
fn running(demo: &Demo) -> Result<String> {
    let plugins = demo.service.api.get("/api/v1/plugins")?;
    let plugins = list(&plugins, "/plugins")?;
    let iterable = plugins.iter().find(|plugin| says(plugin, "/name", "iterable").is_ok());
    Ok(text(iterable.context("no plugin")?, "/digest")?.to_owned())
}
