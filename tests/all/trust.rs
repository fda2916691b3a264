//! Signatures of plugins in a host that is embedded: at its start, at a watched path, and of components in memory.

use std::{fs, path::PathBuf, sync::Arc};

use connector_tests::{guest, load, logs};
use host_harness::{
    clock::ManualClock,
    config::{Config, PluginSource},
    egress::Network,
    host::{AddError, Host, StartError},
    plugin::{KnownReleases, LoadError, LoadPolicy, Plugin, Release, WATCH_INTERVAL},
};
use host_trust::{
    ConformanceResult, ConformanceRun, Refusal, ReleaseKey, Required, Statement, Trust, bundle_file,
};
use tempfile::TempDir;
use test_support::{KeyPems, eventually};

/// 2100-01-01.
const FAR: i64 = 4_102_444_800_000;

fn key() -> ReleaseKey {
    ReleaseKey::from_pem(KeyPems::generate().private.as_bytes()).unwrap()
}

fn statement(plugin: &Plugin, revision: u64) -> Statement {
    Statement {
        plugin: "guest".to_owned(),
        digest: plugin.digest(),
        version: plugin.manifest().version.clone(),
        revision: revision.try_into().unwrap(),
        not_after: FAR,
        contract: plugin.contract(),
        manifest: plugin.manifest().digest(),
        conformance: ConformanceRun { result: ConformanceResult::Passed, seed: 7 },
    }
}

async fn release(key: &ReleaseKey, component: Vec<u8>, revision: u64) -> Release {
    let plugin = load(component.clone()).await.unwrap();
    let bundle = key.sign(&statement(&plugin, revision)).unwrap();
    Release { component, bundle: Some(bundle.into_bytes()) }
}

fn trusting(key: &ReleaseKey) -> Config {
    Config::default().with_trust(Trust::new("guest", key.public(), Required::Statement)).unwrap()
}

/// A folder with the plugin's file.
struct Files(TempDir);

impl Files {
    fn with(release: &Release) -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        files.put(release);
        files
    }

    fn component(&self) -> PathBuf {
        self.0.path().join("guest.wasm")
    }

    /// Puts the bundle before the component, so that none is found with the other's.
    fn put(&self, Release { component, bundle }: &Release) {
        match bundle {
            Some(bundle) => fs::write(bundle_file(&self.component()), bundle).unwrap(),
            None => drop(fs::remove_file(bundle_file(&self.component()))),
        }
        let beside = self.component().with_extension("new");
        fs::write(&beside, component).unwrap();
        fs::rename(beside, self.component()).unwrap();
    }

    fn source(&self) -> PluginSource {
        PluginSource::file(self.component())
    }
}

fn refusal(error: StartError) -> Refusal {
    match error {
        StartError::Load { cause: LoadError::NotTrusted(refusal), .. } => refusal,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_file_that_is_not_signed_as_required_does_not_load_and_one_that_is_does() {
    let (key, stranger) = (key(), key());
    let signed = release(&key, guest("build_one"), 1).await;
    let unsigned = Release { bundle: None, ..signed.clone() };
    let foreign = release(&stranger, guest("build_one"), 1).await;
    let swapped = Release { component: guest("build_two"), ..signed.clone() };
    for (release, code) in [(unsigned, "no-bundle"), (foreign, "foreign-key"), (swapped, "swapped")] {
        let files = Files::with(&release);
        let config = trusting(&key).with_plugin("guest", files.source()).unwrap();
        assert_eq!(refusal(Host::start(config).await.map(drop).unwrap_err()).code(), code);
        // Trust in one plugin is nothing to another.
        let config = trusting(&key).with_plugin("other", files.source()).unwrap();
        assert!(Host::start(config).await.unwrap().plugin("other").is_some());
    }
    let files = Files::with(&signed);
    let config = trusting(&key).with_plugin("guest", files.source()).unwrap();
    let host = Host::start(config).await.unwrap();
    let running = host.plugin("guest").unwrap().current();
    let stated = running.plugin().signed().unwrap().statement().unwrap().clone();
    assert_eq!(stated.revision, 1.try_into().unwrap());
}

#[tokio::test]
async fn a_component_that_is_not_what_its_statement_says_does_not_load() {
    let key = key();
    let component = guest("build_one");
    let plugin = load(component.clone()).await.unwrap();
    let other = load(guest("build_greedy")).await.unwrap();
    let stated = Statement { manifest: other.manifest().digest(), ..statement(&plugin, 1) };
    let bundle = Some(key.sign(&stated).unwrap().into_bytes());
    let host = Host::start(trusting(&key)).await.unwrap();
    let refused =
        host.load("guest", Release { component, bundle }, &LoadPolicy::default()).await.unwrap_err();
    assert!(matches!(refused, LoadError::NotTrusted(Refusal::OtherManifest { .. })), "{refused}");
}

#[tokio::test]
async fn a_component_in_memory_needs_a_signature_too_and_an_older_one_is_refused_afterwards() {
    let (key, policy) = (key(), LoadPolicy::default());
    let host = Host::start(trusting(&key)).await.unwrap();
    let unsigned = host.add_plugin("guest", guest("build_one"), &policy).await.unwrap_err();
    let AddError::Load { cause: LoadError::NotTrusted(refusal), .. } = unsigned else { panic!("{unsigned}") };
    assert_eq!(refusal.code(), "no-bundle");
    let second = release(&key, guest("build_two"), 2).await;
    host.add_plugin("guest", second, &policy).await.unwrap();
    let first = release(&key, guest("build_one"), 1).await;
    let replayed = host.load("guest", first.clone(), &policy).await.unwrap_err();
    assert!(matches!(replayed, LoadError::NotTrusted(Refusal::Replayed { .. })), "{replayed}");
    // The configuration alone decides: without it, the same release loads.
    host.admission().set_trust([].into());
    host.load("guest", first, &policy).await.unwrap();
}

#[tokio::test]
async fn a_start_loads_the_version_that_served_last_without_a_signature_and_no_other() {
    let key = key();
    let unsigned = Release::from(guest("build_one"));
    let files = Files::with(&unsigned);
    let serving = Some(load(unsigned.component).await.unwrap().digest());
    let start = async || {
        let config = trusting(&key).with_plugin("guest", files.source()).unwrap();
        let known = [("guest".to_owned(), KnownReleases { serving, ..KnownReleases::default() })].into();
        Host::builder(config).with_known_releases(known).start().await
    };
    let host = start().await.unwrap();
    assert!(host.plugin("guest").unwrap().current().plugin().signed().is_none());
    files.put(&Release::from(guest("build_two")));
    assert_eq!(refusal(start().await.map(drop).unwrap_err()).code(), "no-bundle");
}

#[cfg(unix)]
#[tokio::test]
async fn a_watched_path_needs_a_signature_which_may_arrive_after_the_component() {
    logs::keep();
    let (key, clock) = (key(), Arc::new(ManualClock::default()));
    let first = release(&key, guest("build_one"), 1).await;
    let second = release(&key, guest("build_two"), 2).await;
    let files = Files::with(&first);
    let source = PluginSource { watch: true, ..files.source() };
    let config = trusting(&key).with_plugin("guest", source).unwrap();
    let host = Host::start_with(config, Arc::new(Network::default()), Arc::clone(&clock) as _).await.unwrap();
    let serving = || host.plugin("guest").unwrap().current().plugin().digest();
    let path = files.component().display().to_string();
    let refusals = |code: &str| {
        let lines = logs::lines(&path);
        lines.iter().filter(|line| line.contains("plugin not swapped") && line.contains(code)).count()
    };
    let look = async || {
        if clock.is_slept_on() {
            clock.advance(WATCH_INTERVAL);
        }
    };
    let before = serving();
    files.put(&Release { bundle: None, ..second.clone() });
    let refused = async || {
        look().await;
        refusals("has no bundle")
    };
    eventually("the unsigned component is refused", refused, |count| *count == 1).await;
    assert_eq!(serving(), before);
    fs::write(bundle_file(&files.component()), second.bundle.unwrap()).unwrap();
    let swapped = async || {
        look().await;
        serving()
    };
    eventually("the bundle is found", swapped, |now| *now != before).await;
    let newest = serving();
    files.put(&first);
    let replayed = async || {
        look().await;
        refusals("older than revision 2")
    };
    eventually("the older release is refused", replayed, |count| *count == 1).await;
    assert_eq!(serving(), newest);
}
