//! Watching the path of a plugin: however another version gets there, it is loaded, and nothing is read otherwise.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use connector_tests::{engine, guest, load, logs, spec};
use futures::future::BoxFuture;
use host_harness::{
    clock::{Clock, ManualClock, SystemClock},
    plugin::{
        Installer, LoadPolicy, NotInstalled, ReleaseInstaller, Slot, WATCH_INTERVAL, Watch, WatchedPlugin,
        watch,
    },
};
use tempfile::TempDir;
use test_support::eventually;

fn installer() -> ReleaseInstaller {
    ReleaseInstaller { engine: engine(), admission: Arc::default(), clock: Arc::new(SystemClock::default()) }
}

/// A watched path in a folder of its own, with `build_one` in service.
struct Watching {
    folder: TempDir,
    path: PathBuf,
    clock: Arc<ManualClock>,
    slot: Arc<Slot>,
    _watch: Watch,
}

impl Watching {
    /// Watches `plugin.wasm` in a folder that `arrange` fills. Returns once the file has been read for the first time.
    async fn of(arrange: impl FnOnce(&Path)) -> Self {
        Self::with(&installer(), arrange).await
    }

    async fn with(installer: &impl Installer, arrange: impl FnOnce(&Path)) -> Self {
        logs::keep();
        let folder = tempfile::tempdir().unwrap();
        arrange(folder.path());
        let path = folder.path().join("plugin.wasm");
        let (slot, clock) = (build_one().await, Arc::new(ManualClock::default()));
        let watch = watch(vec![watched(&path, &slot)], installer, &(clock.clone() as _));
        let watching = Self { folder, path, clock, slot, _watch: watch };
        watching.look_until("the first read", |watching| watching.reads() == 1).await;
        watching
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Returns the number of log lines about the path with these words.
    fn lines(&self, words: &str) -> usize {
        let about = logs::lines(&self.folder.path().display().to_string());
        about.iter().filter(|line| line.contains(words)).count()
    }

    /// Returns how often the file was read.
    fn reads(&self) -> usize {
        self.lines("plugin file read")
    }

    /// Lets the watch look exactly once.
    async fn look(&self) {
        let asleep = async || self.clock.is_slept_on();
        let before = self.lines("looked at");
        eventually("it waits for its next look", asleep, |asleep| *asleep).await;
        self.clock.advance(WATCH_INTERVAL);
        eventually("a look", async || self.lines("looked at"), |looks| *looks > before).await;
        eventually("its end", asleep, |asleep| *asleep).await;
    }

    async fn look_until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let step = async || {
            self.look().await;
            is_so(self)
        };
        eventually(what, step, |is_so| *is_so).await;
    }

    /// Waits until `build` is in service.
    async fn serves(&self, build: &str) {
        let running = |watching: &Self| watching.slot.current().plugin().manifest().version.clone();
        self.look_until(build, |watching| running(watching) == build).await;
    }
}

async fn build_one() -> Arc<Slot> {
    let slot = Slot::new(load(guest("build_one")).await.unwrap(), vec![spec("watched", &[])]);
    Arc::new(slot.unwrap())
}

fn watched(path: &Path, slot: &Arc<Slot>) -> WatchedPlugin {
    let name = "watched".to_owned();
    WatchedPlugin { name, path: path.to_owned(), policy: LoadPolicy::default(), slot: Arc::clone(slot) }
}

/// A clock whose first sleep never ends, as if a path were on a file system that does not answer.
#[derive(Debug, Default)]
struct OneStalls {
    clock: ManualClock,
    has_stalled: AtomicBool,
}

impl Clock for OneStalls {
    fn now(&self) -> Duration {
        self.clock.now()
    }

    fn date(&self) -> SystemTime {
        self.clock.date()
    }

    fn sleep_until(&self, then: Duration) -> BoxFuture<'_, ()> {
        if self.has_stalled.swap(true, Ordering::Relaxed) {
            self.clock.sleep_until(then)
        } else {
            Box::pin(std::future::pending())
        }
    }
}

/// Moves `bytes` into place atomically, as an operator should.
fn put(file: &Path, bytes: &[u8]) {
    let beside = file.with_extension("new");
    fs::write(&beside, bytes).unwrap();
    fs::rename(beside, file).unwrap();
}

/// Replaces the link at `link` atomically.
fn point(link: &Path, target: &str) {
    let beside = link.with_file_name("..new-link");
    symlink(target, &beside).unwrap();
    fs::rename(beside, link).unwrap();
}

/// A folder `name` with that version of the plugin.
fn release(folder: &Path, name: &str, build: &str) {
    fs::create_dir(folder.join(name)).unwrap();
    fs::write(folder.join(name).join("plugin.wasm"), guest(build)).unwrap();
}

#[tokio::test]
async fn a_version_moved_into_place_is_loaded_and_a_refused_one_is_not_read_again() {
    let watching = Watching::of(|folder| put(&folder.join("plugin.wasm"), &guest("build_one"))).await;
    for (reads, bytes, refusal) in [
        (2, b"broken".to_vec(), "not a component that this host can run"),
        (3, guest("build_greedy"), "requests more than the running one"),
        (4, guest("puppet"), "the new version is puppet, but"),
    ] {
        put(&watching.path, &bytes);
        watching.look_until(refusal, |watching| watching.lines(refusal) == 1).await;
        for _ in 0..3 {
            watching.look().await;
        }
        assert_eq!((watching.reads(), watching.lines("plugin not swapped")), (reads, reads - 1));
        assert_eq!(watching.slot.current().plugin().manifest().version, "one");
    }
    for build in ["two", "one"] {
        put(&watching.path, &guest(&format!("build_{build}")));
        watching.serves(build).await;
    }
    watching.slot.roll_back().unwrap();
    fs::File::open(&watching.path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
    watching.look_until("a read", |watching| watching.reads() == 7).await;
    watching.look().await;
    assert_eq!(watching.slot.current().plugin().manifest().version, "two", "it was rolled back");
}

#[tokio::test]
async fn a_file_that_is_being_written_is_read_once_it_is_complete() {
    let watching = Watching::of(|folder| put(&folder.join("plugin.wasm"), &guest("build_one"))).await;
    let two = guest("build_two");
    let (half, parts) = (two.len() / 2, two.len() / 8);
    fs::write(&watching.path, &two[..half]).unwrap();
    for end in (half..two.len()).step_by(parts) {
        watching.look().await;
        fs::write(&watching.path, &two[..end]).unwrap();
    }
    fs::write(&watching.path, &two).unwrap();
    watching.serves("two").await;
    assert_eq!((watching.reads(), watching.lines("plugin not swapped")), (2, 0));
}

#[tokio::test]
async fn a_mounted_folder_whose_data_link_is_swapped_as_by_kubernetes_is_followed() {
    let watching = Watching::of(|folder| {
        release(folder, "..2026_11_01", "build_one");
        symlink("..2026_11_01", folder.join("..data")).unwrap();
        symlink("..data/plugin.wasm", folder.join("plugin.wasm")).unwrap();
    })
    .await;
    release(watching.folder.path(), "..2026_11_02", "build_two");
    point(&watching.at("..data"), "..2026_11_02");
    fs::remove_dir_all(watching.at("..2026_11_01")).unwrap();
    watching.serves("two").await;
    assert_eq!((watching.reads(), watching.lines("plugin file is gone")), (2, 0));
}

#[tokio::test]
async fn a_link_that_is_re_pointed_and_a_target_that_is_replaced_are_followed() {
    let watching = Watching::of(|folder| {
        release(folder, "one", "build_one");
        release(folder, "two", "build_two");
        symlink("one/plugin.wasm", folder.join("plugin.wasm")).unwrap();
    })
    .await;
    point(&watching.path, "two/plugin.wasm");
    watching.serves("two").await;
    put(&watching.at("two/plugin.wasm"), &guest("build_one"));
    watching.serves("one").await;
    assert_eq!(watching.reads(), 3);
}

#[tokio::test]
async fn a_folder_that_is_replaced_is_followed() {
    let watching = Watching::of(|folder| {
        release(folder, "current", "build_one");
        symlink("current/plugin.wasm", folder.join("plugin.wasm")).unwrap();
    })
    .await;
    release(watching.folder.path(), "next", "build_two");
    fs::rename(watching.at("current"), watching.at("previous")).unwrap();
    fs::rename(watching.at("next"), watching.at("current")).unwrap();
    watching.serves("two").await;
    fs::remove_dir_all(watching.at("current")).unwrap();
    fs::rename(watching.at("previous"), watching.at("current")).unwrap();
    watching.serves("one").await;
}

#[tokio::test]
async fn a_path_that_is_gone_is_warned_about_once_and_found_again() {
    let watching = Watching::of(|folder| {
        release(folder, "current", "build_one");
        symlink("current/plugin.wasm", folder.join("plugin.wasm")).unwrap();
    })
    .await;
    fs::rename(watching.at("current"), watching.at("away")).unwrap();
    watching.look_until("the warning", |watching| watching.lines("plugin file is gone") == 1).await;
    for _ in 0..5 {
        watching.look().await;
    }
    assert_eq!((watching.lines("plugin file is gone"), watching.lines("plugin file is back")), (1, 0));
    assert_eq!(watching.slot.current().plugin().manifest().version, "one");

    fs::rename(watching.at("away"), watching.at("current")).unwrap();
    watching.look_until("it is back", |watching| watching.lines("plugin file is back") == 1).await;
    put(&watching.at("current/plugin.wasm"), &guest("build_two"));
    watching.serves("two").await;
}

#[tokio::test]
async fn a_path_with_something_else_than_a_file_is_warned_about_once() {
    let watching = Watching::of(|folder| put(&folder.join("plugin.wasm"), &guest("build_one"))).await;
    fs::remove_file(&watching.path).unwrap();
    fs::create_dir(&watching.path).unwrap();
    watching.look_until("the warning", |watching| watching.lines("not a regular file") == 1).await;
    watching.look().await;
    fs::remove_dir(&watching.path).unwrap();
    put(&watching.path, &guest("build_two"));
    watching.serves("two").await;
    assert_eq!(watching.lines("not a regular file"), 1);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_file_that_cannot_be_read_is_warned_about_once_and_tried_again() {
    let watching = Watching::of(|folder| put(&folder.join("plugin.wasm"), &guest("build_one"))).await;
    // A regular file whose first byte no process can read, not even that of root.
    let unreadable = format!("/proc/{}/mem", std::process::id());
    point(&watching.path, &unreadable);
    watching.look_until("the warning", |watching| watching.lines("plugin file cannot be read") == 1).await;
    for _ in 0..3 {
        watching.look().await;
    }
    assert_eq!((watching.lines("plugin file cannot be read"), watching.reads()), (1, 1));
    point(&watching.path, "two/plugin.wasm");
    release(watching.folder.path(), "two", "build_two");
    watching.serves("two").await;
}

#[tokio::test]
async fn what_is_written_beside_the_file_costs_no_reads() {
    let watching = Watching::of(|folder| put(&folder.join("plugin.wasm"), &guest("build_one"))).await;
    for write in 0..20 {
        fs::write(watching.at("connector-host.db-wal"), [write]).unwrap();
        put(&watching.at("another.wasm"), &[write]);
        watching.look().await;
    }
    assert_eq!(watching.reads(), 1);
    put(&watching.path, &guest("build_two"));
    watching.serves("two").await;
    assert_eq!(watching.reads(), 2);
}

#[tokio::test]
async fn a_watch_that_stalls_does_not_delay_that_of_another_plugin() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plugin.wasm");
    put(&path, &guest("build_two"));
    let (slots, clock) = ([build_one().await, build_one().await], Arc::new(OneStalls::default()));
    let plugins = slots.iter().map(|slot| watched(&path, slot)).collect();
    let _watch = watch(plugins, &installer(), &(clock.clone() as _));
    let swapped = async || {
        clock.clock.advance(WATCH_INTERVAL);
        slots.iter().filter(|slot| slot.current().plugin().manifest().version == "two").count()
    };
    eventually("the version of the other", swapped, |swapped| *swapped == 1).await;
}

/// Fails to install until it may, as if a database did not answer.
#[derive(Clone, Default)]
struct Failing {
    may: Arc<AtomicBool>,
    tries: Arc<AtomicUsize>,
}

impl Installer for Failing {
    async fn install(&self, plugin: &WatchedPlugin, component: Vec<u8>) -> Result<(), NotInstalled> {
        self.tries.fetch_add(1, Ordering::Relaxed);
        if self.may.load(Ordering::Relaxed) {
            return installer().install(plugin, component).await;
        }
        Err(NotInstalled::Failed("the database does not answer".into()))
    }
}

#[tokio::test]
async fn a_version_that_could_not_be_installed_is_tried_again_and_warned_about_once() {
    let installer = Failing::default();
    let watching =
        Watching::with(&installer, |folder| put(&folder.join("plugin.wasm"), &guest("build_one"))).await;
    put(&watching.path, &guest("build_two"));
    let tries = |_: &Watching| installer.tries.load(Ordering::Relaxed) >= 3;
    watching.look_until("three tries", tries).await;
    assert_eq!(watching.lines("plugin not swapped; it is tried again"), 1);
    installer.may.store(true, Ordering::Relaxed);
    watching.serves("two").await;
}

#[tokio::test]
async fn a_file_that_is_too_large_is_refused_without_being_read() {
    let watching = Watching::of(|folder| put(&folder.join("plugin.wasm"), &guest("build_one"))).await;
    let large = fs::File::create(watching.at("large")).unwrap();
    large.set_len(10_000_000_000).unwrap();
    fs::rename(watching.at("large"), &watching.path).unwrap();
    let refusal = "the component has 10000000000 bytes, more than the 2097152";
    watching.look_until(refusal, |watching| watching.lines(refusal) == 1).await;
    watching.look().await;
    assert_eq!((watching.reads(), watching.lines("plugin not swapped")), (1, 1));
    put(&watching.path, &guest("build_two"));
    watching.serves("two").await;
}
