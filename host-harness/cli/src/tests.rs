use std::{io::Write, sync::Arc};

mod canary;
mod database;
mod migrate;
mod prove;
mod push;
mod server;
mod sign;

use parking_lot::Mutex;

use super::*;

/// `text` without its colours.
pub(super) fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

/// Records what is written.
#[derive(Clone, Default)]
pub(super) struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Kept {
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().clone()).unwrap()
    }
}

/// The exit code, standard output and standard error of the program.
async fn ran(arguments: &[&str]) -> (Exit, String, String) {
    let (out, err) = (Kept::default(), Kept::default());
    let console = Console::of(std::io::empty(), out.clone(), err.clone());
    let exit = run(
        [&["connector-host"], arguments].concat(),
        Ok(PassedSockets::default()),
        &console,
        Compiling::default(),
    )
    .await;
    (exit, out.text(), err.text())
}

#[test]
fn the_arguments_are_consistent() {
    use clap::CommandFactory;
    Arguments::command().debug_assert();
}

/// Returns what the arguments of `command` and of its commands are called, each after the name of its command.
fn argument_names(command: &clap::Command) -> Vec<String> {
    let mut names = Vec::new();
    for argument in command.get_arguments() {
        let values = argument.get_value_names().unwrap_or_default().iter().map(ToString::to_string);
        let variable = argument.get_env().and_then(|name| name.to_str()).map(str::to_owned);
        let aliases = argument.get_all_aliases().unwrap_or_default().into_iter().map(str::to_owned);
        let called = [argument.get_id().to_string()].into_iter().chain(values).chain(variable).chain(aliases);
        names.extend(called.map(|name| format!("{} {name}", command.get_name())));
    }
    names.extend(command.get_subcommands().flat_map(argument_names));
    names
}

#[tokio::test]
async fn no_argument_of_any_command_takes_the_url_or_the_password_of_a_database() {
    use clap::CommandFactory;
    let mut names = argument_names(&Arguments::command());
    assert!(names.len() > 200 && names.iter().any(|name| name == "migrate to_config"), "{names:?}");
    names.retain(|name| {
        let name = name.to_lowercase();
        ["database", "dsn", "password", "postgres"].iter().any(|word| name.contains(word))
    });
    assert!(names.is_empty(), "{names:?}");
    let url = "postgres://app:hunter2@db.example.com/host";
    for arguments in [["--database", url], ["--server", url]] {
        let (exit, out, err) = ran(&[&arguments[..], &["api-key", "list"]].concat()).await;
        assert!(exit == Exit::Misused && !format!("{out}{err}").contains("hunter2"), "{out}{err}");
    }
}

#[tokio::test]
async fn every_command_of_the_manual_is_understood() {
    for line in [
        "inspect iterable.wasm --wasi-trapped --max-bytes 20000000",
        "check newsletter",
        "items newsletter --json",
        "choices newsletter --email -",
        "erase newsletter --email a@example.com --user-id u-17 --dry-run --trace",
        "confirm newsletter --identifier phone-number=- --reference job-17",
        "consent newsletter --email a@example.com --opt-in channel:123 --opt-out message-type:456 --source Form",
        "install-token newsletter",
        "verify-webhook newsletter --header Authorization:x --body - --url https://h.example.com/ --method PUT",
        "--config other.toml --log debug check newsletter",
        "new-master-key",
        "api-key create --name ops --tenant acme --tenant other --read-only",
        "api-key list",
        "api-key revoke ops",
        "backup copy.db",
        "restore copy.db --replace",
        "audit verify",
        "--server http://127.0.0.1:8080 --api-key-file key check newsletter",
        "erase newsletter --email a@example.com --wait --idempotency-key k --server https://c.example.com",
        "confirm newsletter --request r-1 --server https://c.example.com",
        "connection list",
        "connection create n --tenant a --plugin p --setting a=b --secret c=env:D --actions erasure,consent --disable",
        "connection change n --enable --webhook-url https://h.example.com/ --allow-host h --loopback --plain-http",
        "connection delete n --abandon",
        "request list --connection n --state waiting --before r-1 --limit 7",
        "request replay r-1",
        "alarm clear a-1 --note done",
        "plugin publish iterable iterable.wasm --agree",
        "plugin pack iterable.wasm --cases plugin/conformance --output packed.wasm",
        "plugin prove iterable.wasm --cases own --setting domain=api.iterable.com --seed 7 --wasi-trapped",
        "plugin publish python python.wasm --agree --max-bytes 20000000 --describe-ms 30000 --wasi trapped",
        "plugin roll-back iterable",
        "plugin pull iterable --agree",
        "plugin push iterable.wasm registry.example.com/acme/iterable:1.4 --login ada=env:REGISTRY_PASSWORD",
        "plugin push iterable.wasm localhost:5000/iterable:1 --docker-config config.json --loopback --plain-http",
        "delivery list n --state stuck --before 17 --limit 7",
        "delivery replay d-1",
        "delivery replay --connection n",
        "token issue n",
        "token revoke n 3",
        "webhook setup n --webhook-id 7 --yes --no-wait",
        "reload",
        "mapping show n",
        "mapping export n",
        "mapping export n mapping.toml",
        "mapping import n -",
        "notice list --tenant a",
        "notice put n-1 --tenant a --name News --key news --data-use a.b --data-use c --enforcement frontend",
        "notice delete n-1 --tenant a",
        "system list --tenant a",
        "system put crm --tenant a --name CRM --data-use a.b",
        "system delete crm --tenant a",
        "reconcile n --people people.jsonl",
        "person merged",
        "person find --email - --tenant acme",
        "request reveal r-1",
        "audit list --tenant acme --what token-issued --by ops --since 2026-01-31 --before acme:17 --limit 7",
        "audit export audit.jsonl --connection n --until 2026-01-31T12:00:00Z",
        "api-key create --name ops --role approver --server https://c.example.com",
        "consent-events --after 17 --limit 7",
        "consent-events --follow --json",
        "inspect iterable --server http://127.0.0.1:8080",
    ] {
        let words = std::iter::once("connector-host").chain(line.split(' '));
        assert!(Arguments::try_parse_from(words).is_ok(), "{line}");
    }
}

#[tokio::test]
async fn what_the_program_does_not_take_is_wrong_usage() {
    for line in [
        "",
        "obliterate newsletter",
        "erase newsletter",
        "consent newsletter --email a@example.com",
        "consent newsletter --opt-in channel:1",
        "consent newsletter --email a@example.com --opt-in channel",
        "check",
    ] {
        let words: Vec<_> = line.split(' ').filter(|word| !word.is_empty()).collect();
        let (exit, out, err) = ran(&words).await;
        assert_eq!((exit, out.as_str()), (Exit::Misused, ""), "{line}");
        assert!(err.contains("connector-host") || err.contains("--help"), "{line}: {err}");
    }
    let (exit, out, err) = ran(&["--help"]).await;
    assert_eq!((exit, err.as_str()), (Exit::Done, ""));
    assert!(out.contains("verify-webhook"), "{out}");
}

#[tokio::test]
async fn a_missing_configuration_is_reported_with_what_to_do() {
    let told = "error: cannot read the configuration missing.toml: No such file or directory (os error 2)\n\
                next: create it, or name another file with --config or CONNECTOR_HOST_CONFIG\n";
    let missing = ["--config", "missing.toml", "check", "newsletter"];
    assert_eq!(ran(&missing).await, (Exit::Misused, String::new(), told.to_owned()));
    let (exit, out, _) = ran(&[&missing[..], &["--json"]].concat()).await;
    assert_eq!(exit, Exit::Misused);
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(document["error"]["by"], "usage");
}

#[tokio::test]
async fn an_unknown_connection_and_a_plugin_that_does_not_load_are_configuration_errors() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("connector-host.toml");
    std::fs::write(&config, "plugins.i.file = \"i.wasm\"\ntenants.a = {}\nconnections.newsletter = { tenant = \"a\", plugin = \"i\" }")
        .unwrap();
    let config = config.to_str().unwrap();
    let (exit, _, err) = ran(&["--config", config, "check", "newsleter"]).await;
    assert_eq!(exit, Exit::Misused);
    assert_eq!(err, "error: no connection `newsleter` is configured: did you mean `newsletter`?\n");
    let plugin = folder.path().join("i.wasm");
    let missing = format!(
        "error: connection newsletter: plugin i: cannot read {}: No such file or directory (os error 2)\n",
        plugin.display()
    );
    assert_eq!(
        ran(&["--config", config, "check", "newsletter"]).await,
        (Exit::Misused, String::new(), missing)
    );
    std::fs::write(&plugin, "no wasm").unwrap();
    let (exit, _, err) = ran(&["--config", config, "items", "newsletter"]).await;
    assert_eq!(exit, Exit::Misused);
    assert!(
        err.starts_with("error: connection newsletter: plugin i: not a component that this host can run: "),
        "{err}"
    );
    let (exit, _, err) = ran(&["inspect", plugin.to_str().unwrap()]).await;
    assert_eq!(exit, Exit::Misused);
    assert!(err.contains("i.wasm: not a component that this host can run: "), "{err}");
}

/// A custom section makes it large without making it slow to compile.
#[tokio::test]
async fn a_large_file_is_inspected_if_max_bytes_allows_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("large.wasm");
    let mut bytes = std::fs::read(xtask::components::current("guests/build_one").unwrap()).unwrap();
    let padding = 2 << 20;
    bytes.extend([0, 0x80 | 2, 0x80, 0x80, 1, 1, b'p']);
    bytes.extend(vec![0; padding]);
    let size = bytes.len();
    std::fs::write(&file, bytes).unwrap();
    let (file, size) = (file.to_str().unwrap(), size.to_string());
    let (exit, _, err) = ran(&["inspect", file]).await;
    assert_eq!(exit, Exit::Misused);
    assert!(
        err.ends_with(&format!(
            "the component has {size} bytes, more than the 2097152 that the plugin's max-bytes allows\n\
             next: run it again with --max-bytes {size} to load it\n"
        )),
        "{err}"
    );
    let (exit, page, err) = ran(&["inspect", file, "--max-bytes", &size]).await;
    assert_eq!(exit, Exit::Done, "{err}");
    assert!(plain(&page).contains("Consists of  core-instances"), "{page}");
}

/// A reader that has closed its end.
struct Gone;

impl Write for Gone {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Err(std::io::ErrorKind::BrokenPipe.into())
    }
}

#[tokio::test]
async fn a_reader_that_has_heard_enough_is_no_failure() {
    let console = Console::of(std::io::empty(), Gone, Gone);
    assert_eq!(
        run(["connector-host", "--help"], Ok(PassedSockets::default()), &console, Compiling::default()).await,
        Exit::Done
    );
    assert_eq!(
        run(
            ["connector-host", "--config", "missing.toml", "check", "n"],
            Ok(PassedSockets::default()),
            &console,
            Compiling::default()
        )
        .await,
        Exit::Misused
    );
}

#[tokio::test]
async fn an_answer_that_cannot_be_written_is_no_success_and_not_lost() {
    let err = Kept::default();
    let console = Console::of(std::io::empty(), Full, err.clone());
    let missing = ["connector-host", "--config", "missing.toml", "--json", "check", "newsletter"];
    assert_eq!(
        run(missing, Ok(PassedSockets::default()), &console, Compiling::default()).await,
        Exit::Misused
    );
    let told = err.text();
    let (_, answer) =
        told.split_once("cannot write to standard output: no storage space; the answer is\n").unwrap();
    let document: serde_json::Value = serde_json::from_str(answer).unwrap();
    assert_eq!(document["error"]["by"], "usage");
}

/// A full disk.
struct Full;

impl Write for Full {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
