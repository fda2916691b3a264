//! A folder with a configuration, and programs run in it.
#![expect(clippy::unwrap_used, reason = "a failed set-up fails the test")]

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::Stdio,
};

use iterable_stand_in::{ProjectType, StandIn};
use tempfile::TempDir;

/// A token that the connection accepts.
pub(super) const TOKEN: &str = "t-0123456789";

pub(super) struct Operator {
    pub(super) stand_in: StandIn,
    folder: TempDir,
}

/// The output of a program, and how it ended.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) code: i32,
    pub(super) out: String,
    pub(super) err: String,
}

impl Operator {
    /// An operator with the plugin `iterable`, its own stand-in, and a hostile plugin.
    pub(super) async fn new() -> Self {
        let stand_in = StandIn::builder().project(ProjectType::Email).start().await.unwrap();
        let folder = TempDir::new().unwrap();
        let write = |name: &str, text: &[u8]| std::fs::write(folder.path().join(name), text).unwrap();
        for (file, component) in [("iterable.wasm", "iterable"), ("hostile.wasm", "guests/loops_forever")] {
            write(file, &std::fs::read(xtask::components::current(component).unwrap()).unwrap());
        }
        let host = stand_in.address();
        let configuration = format!(
            "[plugins]\niterable = {{ file = 'iterable.wasm' }}\nhostile = {{ file = 'hostile.wasm' }}\n\
             [tenants.acme]\n\
             [connections.hostile]\ntenant = 'acme'\nplugin = 'hostile'\n\
             [connections.newsletter]\ntenant = 'acme'\nplugin = 'iterable'\n\
             settings = {{ domain = '{host}' }}\n\
             secrets.api-key = {{ env = 'ITERABLE_API_KEY' }}\n\
             webhook-tokens = [{{ env = 'WEBHOOK_TOKEN' }}]\n\
             [connections.newsletter.egress]\nhosts = ['{host}']\nloopback = true\nplain-http = true\n"
        );
        write("connector-host.toml", configuration.as_bytes());
        Self { stand_in, folder }
    }

    pub(super) fn config(&self) -> PathBuf {
        self.folder.path().join("connector-host.toml")
    }

    pub(super) async fn run(&self, arguments: &[&str]) -> Told {
        self.run_with(arguments, "", &[]).await
    }

    pub(super) async fn run_with(
        &self,
        arguments: &[&str],
        input: &str,
        environment: &[(&str, &str)],
    ) -> Told {
        self.program(Path::new(env!("CARGO_BIN_EXE_connector-host")), arguments, input, environment).await
    }

    pub(super) async fn program(
        &self,
        program: &Path,
        arguments: &[&str],
        input: &str,
        environment: &[(&str, &str)],
    ) -> Told {
        let mut command = std::process::Command::new(program);
        command
            .current_dir(self.folder.path())
            .args(arguments)
            .env("ITERABLE_API_KEY", self.stand_in.api_key())
            .env("WEBHOOK_TOKEN", TOKEN)
            .env("XDG_CACHE_HOME", self.folder.path().join("cache"))
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let input = input.to_owned();
        let output = tokio::task::spawn_blocking(move || {
            let mut child = command.spawn().unwrap();
            // A program that reads no input may have ended before it is written.
            let _unread = child.stdin.take().unwrap().write_all(input.as_bytes());
            child.wait_with_output().unwrap()
        });
        let output = output.await.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Told { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }
}
