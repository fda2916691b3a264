//! The program as a child process, with everything that it prints.

use std::{
    fs::{File, OpenOptions},
    io::{BufRead as _, BufReader, Read, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
};

use parking_lot::Mutex;
use test_support::{eventually, wait_for_exit};

use super::operator::{Operator, TOKEN};

/// A running `connector-host serve`.
pub(crate) struct Program {
    pub(crate) child: Child,
    out: Arc<Mutex<Vec<String>>>,
    err: Arc<Mutex<Vec<String>>>,
}

/// Writes a `[service]` with these lines into the configuration.
pub(crate) fn configure(operator: &Operator, lines: &str) {
    std::fs::write(operator.config().with_file_name("master.key"), "ab".repeat(32)).unwrap();
    let text = std::fs::read_to_string(operator.config()).unwrap();
    let service = format!(
        "[service]\nmaster-key = {{ file = 'master.key' }}\ncompiled-cache = '{}'",
        xtask::components::code_cache().display()
    );
    std::fs::write(operator.config(), format!("{service}\n{lines}\n{text}")).unwrap();
}

/// The command that starts the service, in which `program` stands for the program and what runs it.
pub(crate) fn serve_with(program: &[&str], operator: &Operator) -> Command {
    let binary = env!("CARGO_BIN_EXE_connector-host");
    let all = [program, &[binary]].concat();
    let mut command = Command::new(all.first().unwrap());
    command
        .args(all.iter().skip(1))
        .arg("--config")
        .arg(operator.config())
        .args(["--json", "serve"])
        .current_dir(operator.config().parent().unwrap())
        .env("ITERABLE_API_KEY", operator.stand_in.api_key())
        .env("WEBHOOK_TOKEN", TOKEN)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

impl Program {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let (out, err) = (kept(child.stdout.take().unwrap()), kept(child.stderr.take().unwrap()));
        Self { child, out, err }
    }

    /// Waits until it serves. Returns the addresses of the API and of the webhooks.
    pub(crate) async fn serves(&self) -> (String, Option<String>) {
        let line = async || self.out.lock().first().cloned();
        let line = eventually("the addresses", line, Option::is_some).await.unwrap();
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        let address = |name: &str| line.pointer(name).and_then(|at| at.as_str()).map(str::to_owned);
        (address("/listening/api").unwrap(), address("/listening/webhooks"))
    }

    /// Returns whether it has printed its addresses.
    pub(crate) fn is_serving(&self) -> bool {
        !self.out.lock().is_empty()
    }

    /// Returns the number of log lines with these words.
    pub(crate) fn lines(&self, words: &str) -> usize {
        self.err.lock().iter().filter(|line| line.contains(words)).count()
    }

    /// Waits for a log line with these words, and returns it.
    pub(crate) async fn logs(&self, words: &str) -> String {
        let line = async || self.err.lock().iter().find(|line| line.contains(words)).cloned();
        eventually(words, line, Option::is_some).await.unwrap()
    }

    pub(crate) fn signal(&self, signal: &str) {
        send_signal(self.child.id(), signal);
    }

    /// Waits for its end. Returns the exit code, which a process that a signal ended does not have, and its output.
    pub(crate) async fn ends(&mut self) -> (Option<i32>, Vec<String>) {
        let status = wait_for_exit(&mut self.child);
        // The thread that reads the output ends with it.
        let copies = async || Arc::strong_count(&self.out);
        eventually("all output is read", copies, |copies| *copies == 1).await;
        (status.code(), self.out.lock().clone())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

pub(crate) fn send_signal(process: u32, signal: &str) {
    let sent = Command::new("kill").args([signal, &process.to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Keeps the lines of `output`. Reads until its end, since a full pipe would block the process.
fn kept(output: impl Read + Send + 'static) -> Arc<Mutex<Vec<String>>> {
    let kept: Arc<Mutex<Vec<String>>> = Arc::default();
    let lines = Arc::clone(&kept);
    std::thread::spawn(move || {
        BufReader::new(output).lines().map_while(Result::ok).for_each(|line| lines.lock().push(line));
    });
    kept
}

/// Sends one request and returns the answer's status, head and body; `reset` if the connection was, such as when its
/// listener closed before it was accepted.
pub(crate) fn ask(address: &str, head: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    let text = format!("{head}\r\nhost: a\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = String::new();
    if stream.read_to_string(&mut answer).is_err() {
        return "reset".to_owned();
    }
    answer.strip_prefix("HTTP/1.1 ").unwrap().to_owned()
}

/// Puts a pipe in the place of `file`: a process that opens it waits until [`reached`] opens the other end.
pub(crate) fn block_at(file: &Path) {
    let _absent = std::fs::remove_file(file);
    assert!(Command::new("mkfifo").arg(file).status().unwrap().success());
}

/// Waits until the program reads the pipe `file`. It then waits for what is written.
pub(crate) async fn reached(file: &Path) -> File {
    let file = file.to_owned();
    tokio::task::spawn_blocking(move || OpenOptions::new().write(true).open(file).unwrap()).await.unwrap()
}
