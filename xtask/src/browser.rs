//! The operator's page in a real browser: the tests of `tests/screens`, and the pictures that they take.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use xtask::components::target_dir;

use crate::{
    build, debian,
    shell::{cargo, run, say, shown},
};

/// The version of axe-core, which finds faults of accessibility. Licence MPL-2.0: used by the tests, and not part of
/// anything that is distributed.
const AXE: &str = "axe-core@4.14.1";

/// The environment variable with which the tests take pictures.
const PICTURES: &str = "CONNECTOR_HOST_SCREENS";

/// Programs, and Debian's packages that have them.
const PROGRAMS: [(&str, &str); 3] =
    [("chromium", "chromium"), ("chromedriver", "chromium-driver"), ("npm", "npm")];

/// Installs what the tests need and the machine does not have. Fails with the command that would.
pub(crate) fn prepare() -> Result<()> {
    let axe = axe();
    let is_missing = |name: &str| Command::new(name).arg("--version").output().is_err();
    let needed = PROGRAMS.iter().filter(|(name, _)| *name != "npm" || !axe.exists());
    let missing: Vec<_> = needed.filter(|(name, _)| is_missing(name)).map(|(_, package)| *package).collect();
    if !missing.is_empty() {
        debian::install(&missing)?;
    }
    if axe.exists() { Ok(()) } else { fetch_axe(&axe) }
}

/// Runs all walks. The program and the components are built already.
pub(crate) fn walk() -> Result<()> {
    say("the operator's page in a browser");
    run(&mut cargo(["test", "--package=screen-tests"]))
}

/// Runs the walks whose name contains `name`, or all, and takes pictures of every screen on the way, light and dark, wide
/// and narrow.
pub(crate) fn take_pictures(name: Option<&str>) -> Result<()> {
    prepare()?;
    build::all()?;
    say("building connector-host, whose date can be moved");
    run(&mut cargo([
        "build",
        "--package=host-cli",
        "--package=iterable-stand-in",
        "--bins",
        "--features=host-cli/test-clock",
    ]))?;
    let folder = target_dir().join("screens");
    if name.is_none() && folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    say("walking through the operator's page");
    run(cargo(["test", "--package=screen-tests", "--"]).args(name).env(PICTURES, "1"))?;
    say(&format!("the pictures are in {}", shown(&folder)));
    Ok(())
}

/// Returns the file of axe-core. The name of its folder changes with the version.
fn axe() -> PathBuf {
    target_dir().join("browser").join(AXE).join("package/axe.min.js")
}

/// Fetches axe-core from the npm registry.
fn fetch_axe(file: &Path) -> Result<()> {
    let folder = target_dir().join("browser").join(AXE);
    fs::create_dir_all(&folder)?;
    say(&format!("fetching {AXE} from the npm registry"));
    let mut npm = Command::new("npm");
    run(npm.args(["pack", "--silent", AXE]).current_dir(&folder))?;
    let archive = fs::read_dir(&folder)?.flatten().map(|entry| entry.path());
    let archive = archive.into_iter().find(|path| path.extension().is_some_and(|end| end == "tgz"));
    let archive = archive.context("npm packed nothing")?;
    run(Command::new("tar").arg("-xzf").arg(archive).arg("-C").arg(&folder))?;
    ensure!(file.exists(), "{} is not in the package", shown(file));
    Ok(())
}
