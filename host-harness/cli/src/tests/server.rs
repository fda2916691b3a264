//! Commands through a running service, which has the real plugin and a stand-in of Iterable.

mod api_keys;
mod audit;
mod bulk_acts;
mod connections;
mod consent;
mod people;
mod person;
mod pins;
mod refusals;
mod registries;
mod releases;
mod replicas;
mod requests;
mod versions;
mod webhooks;

use std::{net::SocketAddr, path::PathBuf};

use iterable_stand_in::{ProjectType, StandIn};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::{sync::oneshot, task::JoinHandle};

use super::{Compiling, Console, Exit, Kept, PassedSockets, run};
use host_api::serve::Server;
use host_service::{parts::Parts, service::PartEnded, settings::ConfigFile};

/// A running service, and all output of the commands that used it.
struct Running {
    stand_in: StandIn,
    folder: tempfile::TempDir,
    parts: Parts,
    address: SocketAddr,
    _stop: oneshot::Sender<()>,
    _serving: JoinHandle<Result<(), PartEnded>>,
    said: Mutex<String>,
}

/// The output of a command, and how it ended.
#[derive(Debug)]
struct Told {
    exit: Exit,
    out: String,
    err: String,
}

/// The input and output of a command.
#[derive(Default)]
struct Terminal<'a> {
    input: &'a str,
    err: Kept,
    is_answered: bool,
    is_watched: bool,
}

impl Told {
    /// Asserts that a line consists of these words, regardless of the space between them.
    fn assert_line(&self, words: &str) {
        let mut lines = self.out.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
        assert!(lines.any(|line| line == words), "{words} not found in\n{}", self.out);
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Running {
    /// A service with an API key for all tenants in the file `key`.
    async fn new() -> Self {
        Self::with("").await
    }

    /// Same with `more` in the configuration.
    async fn with(more: &str) -> Self {
        // Large, since it contains the start of a service.
        Box::pin(Self::started(more)).await
    }

    async fn started(more: &str) -> Self {
        let stand_in = StandIn::builder().project(ProjectType::Email).start().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let component = xtask::components::current("iterable").unwrap();
        let config = format!(
            "service = {{ master-key = {{ file = 'master.key' }}, listen = '127.0.0.1:0', public-url = \
             'https://hooks.example.com' }}\nplugins.iterable.file = '{}'\n{more}",
            component.display()
        );
        let file = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        file("master.key", &"ab".repeat(32));
        file("iterable.key", stand_in.api_key());
        file("connector-host.toml", &config);
        let settings = ConfigFile::read(folder.path().join("connector-host.toml")).unwrap();
        let server = Box::pin(Server::start(settings)).await.unwrap();
        let (parts, address) = (server.parts().clone(), server.addresses().0.unwrap());
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(server.run_until(async {
            let _stopped = stopped.await;
        }));
        let said = Mutex::default();
        let running = Self { stand_in, folder, parts, address, _stop: stop, _serving: serving, said };
        running.new_key("key", &[]).await;
        running
    }

    /// A service with the connection `newsletter` of `acme`.
    async fn connected() -> Self {
        let running = Self::new().await;
        assert_eq!(running.create("newsletter", &[]).await.exit, Exit::Done);
        running
    }

    /// Creates the connection `key`, with text output.
    async fn create(&self, key: &str, more: &[&str]) -> Told {
        let host = self.stand_in.address().to_string();
        let (domain, secret) =
            (format!("domain={host}"), format!("api-key=file:{}", self.path("iterable.key")));
        let words =
            ["connection", "create", key, "--tenant", "acme", "--plugin", "iterable", "--setting", &domain];
        let policy = ["--secret", &secret, "--allow-host", &host, "--loopback", "--plain-http"];
        self.run(&[&words[..], &policy[..], more].concat()).await
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn path(&self, name: &str) -> String {
        self.file(name).to_str().unwrap().to_owned()
    }

    /// Writes a new API key to that file.
    async fn new_key(&self, name: &str, more: &[&str]) {
        let config = self.path("connector-host.toml");
        let create = ["--config", &config, "api-key", "create", "--name", name];
        let (exit, key, err) = super::ran(&[&create[..], more].concat()).await;
        assert_eq!(exit, Exit::Done, "{err}");
        std::fs::write(self.file(name), key).unwrap();
    }

    async fn run(&self, arguments: &[&str]) -> Told {
        self.run_with("key", arguments).await
    }

    /// Runs a command with the API key in that file.
    async fn run_with(&self, key: &str, arguments: &[&str]) -> Told {
        self.program(key, arguments, Terminal::default()).await
    }

    /// Runs a command at a terminal that answers with these lines.
    async fn answering(&self, arguments: &[&str], answers: &'static str) -> Told {
        self.program("key", arguments, Terminal { input: answers, is_answered: true, ..Terminal::default() })
            .await
    }

    /// Runs a command whose standard error is a terminal.
    async fn watched(&self, arguments: &[&str], err: &Kept) -> Told {
        let terminal = Terminal { is_watched: true, err: err.clone(), ..Terminal::default() };
        self.program("key", arguments, terminal).await
    }

    /// Runs a command with this on standard input.
    async fn fed(&self, arguments: &[&str], input: &str) -> Told {
        self.program("key", arguments, Terminal { input, ..Terminal::default() }).await
    }

    async fn program(&self, key: &str, arguments: &[&str], terminal: Terminal<'_>) -> Told {
        let Terminal { input, err, is_answered, is_watched } = terminal;
        let out = Kept::default();
        let input = std::io::Cursor::new(input.to_owned());
        let mut console = Console::of(input, out.clone(), err.clone());
        (console.is_answered, console.is_watched) = (is_answered, is_watched);
        let (server, key) = (format!("http://{}", self.address), self.path(key));
        let service = ["connector-host", "--server", &server, "--api-key-file", &key];
        let exit = Box::pin(run(
            [&service[..], arguments].concat(),
            Ok(PassedSockets::default()),
            &console,
            Compiling::default(),
        ))
        .await;
        let told = Told { exit, out: out.text(), err: err.text() };
        let mut said = self.said.lock();
        said.extend([told.out.as_str(), told.err.as_str()]);
        told
    }

    /// Asserts that no command printed a secret or a person.
    fn assert_discreet(&self) {
        let said = self.said.lock();
        let key = std::fs::read_to_string(self.file("key")).unwrap();
        for hidden in [self.stand_in.api_key(), key.trim(), "ada@"] {
            assert!(!said.contains(hidden), "{hidden} found in\n{said}");
        }
    }
}
