//! Commands compile a plugin once, in a process of its own, and load the code from then on.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a failed set-up fails the test")]

#[path = "cli/operator.rs"]
mod operator;

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use operator::{Operator, Told};

const COMPILED: &str = "component compiled";
const FOUND: &str = "compiled component found in the cache";

/// Runs `check`, and returns what it logs about compiling.
async fn check(operator: &Operator, more: &[&str]) -> Told {
    let arguments = [&["--log", "warn,host_harness::compile=debug", "check", "newsletter"], more].concat();
    let told = operator.run(&arguments).await;
    assert_eq!(told.code, 0, "{told:?}");
    assert!(told.out.starts_with("connection newsletter: works"), "{}", told.out);
    told
}

/// The folder with the key, and the code that commands have compiled.
fn cache(operator: &Operator) -> PathBuf {
    operator.config().with_file_name("cache").join("connector-host")
}

fn entries(operator: &Operator) -> Vec<PathBuf> {
    let folder = fs::read_dir(cache(operator).join("compiled"));
    folder.into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_is_compiled_once_and_a_damaged_entry_is_compiled_again() {
    let operator = Operator::new().await;
    let first = check(&operator, &[]).await;
    assert!(first.err.contains(COMPILED) && !first.err.contains(FOUND), "{}", first.err);
    let second = check(&operator, &[]).await;
    assert!(second.err.contains(FOUND) && !second.err.contains(COMPILED), "{}", second.err);
    let [entry] = &entries(&operator)[..] else { panic!("{:?}", entries(&operator)) };
    let key = cache(&operator).join("compiled.key");
    assert_eq!((mode(&cache(&operator)), mode(&key), mode(entry)), (0o700, 0o600, 0o600));

    let mut damaged = fs::read(entry).unwrap();
    *damaged.last_mut().unwrap() ^= 1;
    fs::write(entry, damaged).unwrap();
    let third = check(&operator, &[]).await;
    assert!(third.err.contains("compiled code not authentic or damaged"), "{}", third.err);
    assert!(third.err.contains(COMPILED), "{}", third.err);
    let fourth = check(&operator, &[]).await;
    assert!(fourth.err.contains(FOUND), "{}", fourth.err);

    let without = check(&operator, &["--no-cache"]).await;
    assert!(without.err.contains(COMPILED), "{}", without.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_or_a_folder_that_others_could_have_written_is_not_used_and_fails_no_command() {
    let operator = Operator::new().await;
    check(&operator, &[]).await;
    let key = cache(&operator).join("compiled.key");
    for (path, open, private) in [(&key, 0o640, 0o600), (&cache(&operator), 0o777, 0o700)] {
        fs::set_permissions(path, Permissions::from_mode(open)).unwrap();
        let told = check(&operator, &[]).await;
        assert!(told.err.contains("cache of compiled code not used"), "{}", told.err);
        assert!(told.err.contains(COMPILED), "{}", told.err);
        fs::set_permissions(path, Permissions::from_mode(private)).unwrap();
    }
    // Another key opens none of the entries.
    fs::remove_file(&key).unwrap();
    let told = check(&operator, &[]).await;
    assert!(told.err.contains(COMPILED), "{}", told.err);
    // A key that is cut off.
    fs::write(&key, "short").unwrap();
    let told = check(&operator, &[]).await;
    assert!(told.err.contains(COMPILED), "{}", told.err);
}

#[test]
fn the_hidden_command_says_what_it_is_for_and_the_help_does_not_show_it() {
    let run = |argument| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_connector-host"));
        command.arg(argument).stdin(Stdio::null()).output().unwrap()
    };
    let alone = run("compile");
    assert!(!alone.status.success());
    let told = String::from_utf8(alone.stderr).unwrap();
    assert!(told.contains("this command is started by the host, to compile a component"), "{told}");
    let help = String::from_utf8(run("--help").stdout).unwrap();
    assert!(!help.contains("compile "), "{help}");
}
