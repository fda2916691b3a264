//! Plugins in registries, as an operator sees them.

use std::fs;

use bytes::Bytes;
use test_support::{
    eventually,
    registry::{Instead, REPOSITORY, RegistryStandIn},
};

use super::{Exit, Running};
use crate::tests::ran;

fn guest(name: &str) -> String {
    xtask::components::current(&format!("guests/{name}")).unwrap().to_str().unwrap().to_owned()
}

fn reference(registry: &RegistryStandIn) -> String {
    format!("{}/{REPOSITORY}:1", registry.host())
}

/// The settings of the plugin `guest` in `registry`.
fn settings(registry: &RegistryStandIn) -> String {
    let (host, reference) = (registry.host(), reference(registry));
    format!(
        "plugins.guest.registry = '{reference}'\nregistries.'{host}' = {{ loopback = true, plain-http = true }}\n"
    )
}

async fn push(registry: &RegistryStandIn, file: &str) {
    let push = ["plugin", "push", file, &reference(registry), "--loopback", "--plain-http"];
    let (exit, _, err) = ran(&push).await;
    assert_eq!(exit, Exit::Done, "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sees_the_copy_with_its_age_and_why_the_last_pull_failed() {
    let registry = RegistryStandIn::start().await;
    let running = Running::with(&settings(&registry)).await;
    let list = async || running.run(&["plugin", "list"]).await.out;
    let failed =
        |out: &String| out.contains("guest does not run: ") && out.contains("never pulled; not pulled ");
    let listed = eventually("it is listed with its failure", list, failed).await;
    assert!(listed.contains("has no such manifest; next try "), "{listed}");
    let unknown = running.run(&["inspect", "guest"]).await;
    assert!(unknown.err.contains("plugin `guest` does not run: "), "{unknown:?}");

    push(&registry, &guest("build_one")).await;
    let pulled = running.run(&["plugin", "pull", "guest", "--agree"]).await;
    assert_eq!(pulled.exit, Exit::Done, "{pulled:?}");
    let inspect = async || running.run(&["inspect", "guest"]).await.out;
    let shown = eventually("its copy is shown", inspect, |out| out.contains(" ago, as sha256:")).await;
    running_line(&shown, &format!("Registry     {}", reference(&registry)));
    let history = running.run(&["plugin", "history", "guest"]).await;
    assert!(history.out.contains("registry"), "{history:?}");

    let broken = Instead::Answer(503, vec![], Bytes::new());
    registry.switches().instead.insert(String::new(), broken);
    let pulled = running.run(&["plugin", "pull", "guest"]).await;
    assert_eq!(pulled.exit, Exit::Refused, "{pulled:?}");
    assert!(pulled.err.contains("answered 503"), "{pulled:?}");
    let shown = inspect().await;
    assert!(shown.contains(" ago, as sha256:") && shown.contains("answered 503; not tried again"), "{shown}");
    running.assert_discreet();
}

fn running_line(shown: &str, line: &str) {
    assert!(shown.lines().any(|found| found == line), "{line:?} in {shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_without_a_service_pulls_the_plugin_of_its_connection() {
    let (registry, running) = (RegistryStandIn::start().await, Running::new().await);
    let file = xtask::components::current("iterable").unwrap();
    push(&registry, file.to_str().unwrap()).await;
    let host = running.stand_in.address();
    let config = settings(&registry).replace("plugins.guest", "plugins.iterable")
        + &format!(
            "tenants.acme = {{}}\n[connections.newsletter]\ntenant = 'acme'\nplugin = 'iterable'\n\
             settings = {{ domain = '{host}' }}\nsecrets = {{ api-key = {{ file = 'iterable.key' }} }}\n\
             egress = {{ hosts = ['{host}'], loopback = true, plain-http = true }}\n"
        );
    fs::write(running.file("alone.toml"), config).unwrap();
    let alone = running.path("alone.toml");
    let (exit, out, err) = ran(&["--config", &alone, "check", "newsletter"]).await;
    assert_eq!(exit, Exit::Done, "{out}{err}");
    registry.forget_manifest("1");
    let (exit, _, err) = ran(&["--config", &alone, "check", "newsletter"]).await;
    assert_eq!(exit, Exit::Refused, "{err}");
    assert!(err.contains("has no such manifest"), "{err}");
}
