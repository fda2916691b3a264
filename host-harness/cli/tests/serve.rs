//! The service as an operator runs it: started, called, reloaded, and stopped.
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::expect_used,
    reason = "a failed set-up fails the test"
)]

#[path = "serve/fides.rs"]
mod fides;
#[path = "serve/fides_callback.rs"]
mod fides_callback;
#[path = "serve/fides_client.rs"]
mod fides_client;
#[path = "cli/operator.rs"]
mod operator;

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, Command, Stdio},
};
use test_support::wait_for_exit;

use operator::{Operator, TOKEN};

/// The process of a service.
struct Serving {
    child: Child,
    address: String,
}

fn serve(operator: &Operator) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_connector-host"));
    command
        .args(["--config", operator.config().to_str().unwrap(), "--json", "serve"])
        .env("ITERABLE_API_KEY", operator.stand_in.api_key())
        .env("WEBHOOK_TOKEN", TOKEN)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

impl Serving {
    fn start(operator: &Operator) -> Self {
        let mut child = serve(operator).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let said: serde_json::Value = serde_json::from_str(&line).unwrap();
        let address = said["listening"]["api"].as_str().unwrap().to_owned();
        Self { child, address }
    }

    fn get(&self, key: &str, path: &str) -> (String, serde_json::Value) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let head = format!(
            "GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\nauthorization: Bearer {key}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.lines().next().unwrap().to_owned(), serde_json::from_str(body).unwrap())
    }

    fn send_signal(&self, signal: &str) {
        send_signal(&self.child, signal);
    }

    /// A command that uses the service.
    fn command(&self, key: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_connector-host"));
        command
            .args(["--server", &format!("http://{}", self.address)])
            .args(arguments)
            .env("CONNECTOR_HOST_API_KEY", key.trim())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended already.
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

fn send_signal(child: &Child, signal: &str) {
    let told = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(told.success());
}

/// Waits until `child` prints `words` to standard error, then interrupts it like ctrl-c. Returns its code and output.
fn interrupted_at(mut child: Child, words: &str) -> (Option<i32>, String) {
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    lines.find(|line| line.as_ref().unwrap().contains(words)).unwrap().unwrap();
    send_signal(&child, "-INT");
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

/// Adds a `[service]` to the configuration.
fn with_service(operator: &Operator) -> String {
    std::fs::write(operator.config().with_file_name("master.key"), "ab".repeat(32)).unwrap();
    let text = std::fs::read_to_string(operator.config()).unwrap();
    let text = format!(
        "service = {{ master-key = {{ file = 'master.key' }}, listen = '127.0.0.1:0', compiled-cache = '{}' }}\n{text}",
        xtask::components::code_cache().display()
    );
    std::fs::write(operator.config(), &text).unwrap();
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_answers_reloads_its_file_and_stops_on_a_signal() {
    let operator = Operator::new().await;
    let text = with_service(&operator);
    let key = operator.run(&["api-key", "create", "--name", "ops"]).await.out;
    let mut serving = Serving::start(&operator);
    let keys = |serving: &Serving| {
        let (_, listed) = serving.get(key.trim(), "/api/v1/connection");
        let listed = listed["connections"].as_array().unwrap().clone();
        listed.iter().map(|connection| connection["key"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(keys(&serving), ["hostile", "newsletter"]);
    let (status, tested) = serving.get(key.trim(), "/api/v1/connection/newsletter/test");
    assert_eq!((status.as_str(), &tested["test_status"]), ("HTTP/1.1 200 OK", &"succeeded".into()));

    // Only one process can serve a database.
    let second = serve(&operator).output().unwrap();
    assert_eq!(second.status.code(), Some(2));
    assert!(String::from_utf8(second.stderr).unwrap().contains("another process serves this database"));

    let mut told = BufReader::new(serving.child.stderr.take().unwrap()).lines();
    std::fs::write(operator.config(), "broken").unwrap();
    serving.send_signal("-HUP");
    let line = told.find(|line| line.as_ref().unwrap().contains("nothing was reloaded")).unwrap().unwrap();
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["level"], "ERROR");
    assert!(line["error"].as_str().unwrap().contains("connector-host.toml:1: not TOML"), "{line}");
    assert_eq!(keys(&serving), ["hostile", "newsletter"]);
    let fewer = text.replace("[connections.hostile]\ntenant = 'acme'\nplugin = 'hostile'\n", "");
    std::fs::write(operator.config(), fewer).unwrap();
    serving.send_signal("-HUP");
    let line = told.find(|line| line.as_ref().unwrap().contains(r#""message":"reloaded""#)).unwrap().unwrap();
    assert!(line.contains(r#"\"disabled\":[\"hostile\"]"#), "{line}");
    assert_eq!(serving.get(key.trim(), "/api/v1/connection/hostile").1["enabled"], false);

    // The key works until it is revoked, also while the service runs.
    assert_eq!(operator.run(&["api-key", "revoke", "ops"]).await.code, 0);
    assert_eq!(serving.get(key.trim(), "/api/v1/connection").0, "HTTP/1.1 401 Unauthorized");

    serving.send_signal("-TERM");
    assert_eq!(wait_for_exit(&mut serving.child).code(), Some(0));
    assert!(TcpStream::connect(&serving.address).is_err());
    let verified = operator.run(&["audit", "verify"]).await;
    assert_eq!(verified.code, 0, "{verified:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_ends_a_wait_and_says_how_things_stand() {
    let operator = Operator::new().await;
    with_service(&operator);
    let config = std::fs::read_to_string(operator.config()).unwrap();
    let config = config.replace("listen = ", "public-url = 'https://hooks.example.com', listen = ");
    std::fs::write(operator.config(), config).unwrap();
    let key = operator.run(&["api-key", "create", "--name", "ops"]).await.out;
    let serving = Serving::start(&operator);

    let setup = serving.command(&key, &["webhook", "setup", "newsletter", "--yes"]).spawn().unwrap();
    let (code, told) = interrupted_at(setup, "Waiting for a first delivery");
    assert_eq!(code, Some(4), "{told}");
    let (token, rest) = told.split_once('\n').unwrap();
    assert!(!token.contains(' '), "{told}");
    assert!(
        rest.starts_with(
            "connection newsletter: everything is set up, but no delivery has been verified yet\n"
        ),
        "{told}"
    );

    let erase = ["erase", "newsletter", "--email", "ada@example.com", "--wait"];
    let (code, told) = interrupted_at(serving.command(&key, &erase).spawn().unwrap(), ": accepted");
    assert_eq!(code, Some(4), "{told}");
    assert!(told.starts_with("request ") && told.contains("\nconnection  newsletter\n"), "{told}");

    let follow = serving.command(&key, &["consent-events", "--follow", "--json"]).spawn().unwrap();
    assert_eq!(interrupted_at(follow, "ctrl-c ends the wait"), (Some(0), String::new()));

    // The proof of this version takes seconds.
    let next = xtask::components::current("iterable-next").unwrap();
    let publish = ["plugin", "publish", "iterable", next.to_str().unwrap()];
    let (code, told) =
        interrupted_at(serving.command(&key, &publish).spawn().unwrap(), "ctrl-c ends the wait");
    assert_eq!(code, Some(4), "{told}");
    let id = told.strip_prefix("operation ").and_then(|rest| rest.split(':').next()).unwrap();
    assert!(told.ends_with("`plugin operations iterable` lists all\n"), "{told}");
    let shown = serving.get(&key, &format!("/api/v1/plugin-operations/{id}")).1;
    assert_eq!(shown["state"], "running", "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_service_in_the_configuration_it_says_what_to_add() {
    let operator = Operator::new().await;
    let told = operator.run(&["serve"]).await;
    assert_eq!((told.code, told.out.as_str()), (2, ""));
    assert!(told.err.contains("new-master-key") && told.err.contains("[service]"), "{told:?}");
}
