//! The program `connector-host serve` in a folder of its own, and a vendor.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed set-up fails the test")]

use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use iterable_stand_in::{Fault, ProjectType, RateLimits, StandIn, Switches};
use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::eventually;

use crate::target_dir;

/// A service that answers.
pub(crate) struct Service {
    pub(crate) stand_in: StandIn,
    tenant: String,
    folder: TempDir,
    process: Child,
    /// The address without a path, such as `http://127.0.0.1:7400`.
    pub(crate) address: String,
    /// An API key that may do everything, for what a walk finds already there.
    key: String,
    /// How far the service's clock is ahead of the machine's.
    ahead: Duration,
}

impl Service {
    /// Starts a service with the plugin `iterable` and the tenant `tenant`, which has no connection yet.
    pub(crate) async fn start(tenant: &str) -> Self {
        let switches = Switches { rate_limits: RateLimits::Off, ..Switches::default() };
        let stand_in =
            StandIn::builder().project(ProjectType::Email).switches(switches).start().await.unwrap();
        let folder = TempDir::new().unwrap();
        let component = target_dir().join("components/iterable.wasm");
        let configuration = format!(
            "plugins.iterable.file = '{}'\n[tenants.{tenant}]\n[service]\nmaster-key = {{ file = 'master.key' }}\n\
             listen = '127.0.0.1:0'\npublic-url = 'https://hooks.example.com'\ncompiled-cache = '{}'\n",
            component.display(),
            target_dir().join("test-code").display()
        );
        std::fs::write(folder.path().join("connector-host.toml"), configuration).unwrap();
        std::fs::write(folder.path().join("master.key"), "ab".repeat(32)).unwrap();
        let made = program(&folder, &["api-key", "create", "--name", "set-up"]).output().unwrap();
        assert!(made.status.success(), "{made:?}");
        let key = String::from_utf8(made.stdout).unwrap().trim().to_owned();
        let (process, address) = serve(&folder, Duration::ZERO);
        Self { stand_in, tenant: tenant.to_owned(), folder, process, address, key, ahead: Duration::ZERO }
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a command that succeeds. Returns its output.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        let output = program(&self.folder, arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Has erasures of `people` fail, since the vendor refuses them. Returns once they have.
    pub(crate) async fn fail_erasures(&self, people: &[&str]) {
        let no = json!({"code": "BadParams", "msg": "The email address is not valid"});
        let times = u32::try_from(people.len()).unwrap();
        self.stand_in.fault(Fault::Answer(400, no), "POST /api/users/forget", times);
        for person in people {
            self.erase(person).await;
        }
        let failed = async || {
            self.send(reqwest::Method::GET, "/api/v1/requests?state=failed", None).await["count"].clone()
        };
        eventually("the requests fail", failed, |count| *count == json!(people.len())).await;
    }

    /// Requests the erasure of a person.
    pub(crate) async fn erase(&self, person: &str) {
        let erasure = json!({"action": "erasure", "identity": {"email": person}});
        let path = "/api/v1/connection/newsletter/requests";
        self.send(reqwest::Method::POST, path, Some(erasure)).await;
    }

    /// Sets a line of the section `service` of its configuration, with which it starts again.
    pub(crate) fn set(&mut self, line: &str) {
        self.stop();
        let path = self.file("connector-host.toml");
        let configuration = std::fs::read_to_string(&path).unwrap() + line + "\n";
        std::fs::write(path, configuration).unwrap();
        (self.process, self.address) = serve(&self.folder, self.ahead);
    }

    /// Stops the service, lets `time` pass for it and the vendor, and starts it again. Sessions stay; the address does not.
    pub(crate) fn pass(&mut self, time: Duration) {
        self.stop();
        self.ahead += time;
        self.stand_in.clock().advance(time);
        (self.process, self.address) = serve(&self.folder, self.ahead);
    }

    /// Sends a request to the API with the key that may do everything. Returns the document of its answer, which is a success.
    pub(crate) async fn send(&self, method: reqwest::Method, path: &str, body: Option<Value>) -> Value {
        let client = reqwest::Client::builder().timeout(Duration::from_mins(1)).build().unwrap();
        let request = client.request(method, format!("{}{path}", self.address)).bearer_auth(&self.key);
        let request = match body {
            Some(body) => request.header("content-type", "application/json").body(body.to_string()),
            None => request,
        };
        let answer = request.send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{path}: {status} {text}");
        if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() }
    }

    /// Creates the connection `newsletter` to the stand-in, which belongs to the system `crm`.
    pub(crate) async fn connect(&self) {
        let host = self.stand_in.address().to_string();
        let connection = json!({
            "key": "newsletter", "tenant": self.tenant, "plugin": "iterable", "system": "crm",
            "settings": {"domain": host}, "secrets": {"api-key": self.stand_in.api_key()},
            "egress": {"hosts": [host], "loopback": true, "plain_http": true},
        });
        self.send(reqwest::Method::POST, "/api/v1/connection", Some(connection)).await;
    }

    /// Sends the connection `newsletter` a delivery with `token`, as the vendor does.
    pub(crate) async fn deliver(&self, token: &str, body: &'static str) {
        let url = format!("{}/api/v1/plus/connection/newsletter/consent-webhook", self.address);
        let sent = reqwest::Client::new().post(url).bearer_auth(token).body(body).send().await;
        assert_eq!(sent.unwrap().status(), 200);
    }

    fn stop(&mut self) {
        let sent = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status().unwrap();
        assert!(sent.success());
        assert!(test_support::wait_for_exit(&mut self.process).success());
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended already.
        let _gone = self.process.kill();
        let _gone = self.process.wait();
    }
}

fn program(folder: &TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(target_dir().join("debug/connector-host"));
    command.arg("--config").arg(folder.path().join("connector-host.toml")).args(arguments);
    command
}

/// Starts the service. Returns its process and its address once it answers.
fn serve(folder: &TempDir, ahead: Duration) -> (Child, String) {
    let log = File::options().create(true).append(true).open(folder.path().join("log")).unwrap();
    let ahead = ahead.as_millis().to_string();
    let mut serving = program(folder, &["--json", "serve", "--clock-ahead-ms", &ahead]);
    let mut process = serving.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let said: Value = serde_json::from_str(&line).unwrap();
    (process, format!("http://{}", said["listening"]["api"].as_str().unwrap()))
}
