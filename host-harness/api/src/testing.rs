//! A running service and a client of its API, for tests here and in the crates above.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    missing_docs,
    reason = "a test without its service must fail"
)]

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use iterable_stand_in::{ProjectType, StandIn};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
    task::JoinHandle,
};

use crate::{
    document::Document,
    routes::resources,
    serve::{PassedSockets, Server},
};
use host_harness::{clock::Clock, compile::Compiler, egress::Network};
use host_model::{scope::Scopes, secret::Secret};
use host_service::{parts::Parts, service::PartEnded, settings::ConfigFile};
use host_store::{
    PostgresAddress, StoreError, Tx,
    alarms::{self, Alarm, StoredAlarm},
    api_keys::{self, NewApiKey, PREFIX},
    grant::Grant,
    holds,
    testing::{self, Folder},
};

pub struct ApiBench {
    pub stand_in: Arc<StandIn>,
    pub parts: Parts,
    folder: Arc<Folder>,
    api: SocketAddr,
    webhooks: Option<SocketAddr>,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<(), PartEnded>>,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: String,
    pub json: Value,
    pub text: String,
}

impl Answer {
    /// The status and the last part of a problem's type.
    pub fn problem(&self) -> (u16, &str) {
        let kind = self.json["type"].as_str().and_then(|kind| kind.rsplit(':').next());
        assert!(self.headers.contains("content-type: application/problem+json"), "{self:?}");
        assert_eq!(self.json["status"], self.status);
        (self.status, kind.unwrap_or_default())
    }

    pub fn detail(&self) -> &str {
        self.json["detail"].as_str().unwrap()
    }
}

impl ApiBench {
    pub async fn new() -> Self {
        Self::with("").await
    }

    /// Starts a service with `more` in the configuration, in which HOST stands for the stand-in's address.
    pub async fn with(more: &str) -> Self {
        let stand_in = StandIn::builder().project(ProjectType::Email).start().await.unwrap();
        let folder = Arc::new(Folder::new());
        std::fs::write(folder.file("master.key"), "ab".repeat(32)).unwrap();
        std::fs::write(folder.file("api.key"), stand_in.api_key()).unwrap();
        configure(&folder, &stand_in, more).await;
        Box::pin(Self::start(folder, Arc::new(stand_in))).await
    }

    /// Starts a service with the plugin `guest` of the file of this guest, and `more` in the configuration. Returns it with an
    /// API key with all permissions.
    pub async fn with_guest(guest: &str, more: &str) -> (Self, String) {
        let file = xtask::components::current(&format!("guests/{guest}")).unwrap();
        let bench = Self::with(&format!("plugins.guest.file = '{}'\n{more}", file.display())).await;
        let key = bench.operator().await;
        (bench, key)
    }

    /// Starts a service on copies of `files`, which include a configuration.
    pub async fn at_copy_of(original: &Path, files: &[&str]) -> Self {
        let stand_in = StandIn::builder().project(ProjectType::Email).start().await.unwrap();
        let folder = Arc::new(Folder::new());
        for file in files {
            std::fs::copy(original.join(file), folder.file(file)).unwrap();
        }
        Box::pin(Self::start(folder, Arc::new(stand_in))).await
    }

    async fn start(folder: Arc<Folder>, stand_in: Arc<StandIn>) -> Self {
        let settings = ConfigFile::read(folder.file("connector-host.toml")).unwrap();
        Self::of(Server::start(settings).await.unwrap(), folder, stand_in)
    }

    fn of(service: Server, folder: Arc<Folder>, stand_in: Arc<StandIn>) -> Self {
        let (api, webhooks) = service.addresses();
        let parts = service.parts().clone();
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(service.run_until(async {
            let _stopped = stopped.await;
        }));
        Self { stand_in, parts, folder, api: api.unwrap(), webhooks, stop, running }
    }

    /// Starts another process on the same database and configuration. Only a database on a server has several.
    pub async fn replica(&self) -> Self {
        Box::pin(Self::start(Arc::clone(&self.folder), Arc::clone(&self.stand_in))).await
    }

    /// Starts the further processes of a service with three replicas. None if the database is a file, which has one process.
    pub async fn further_replicas(&self) -> Vec<Self> {
        if self.is_on_server() { vec![self.replica().await, self.replica().await] } else { Vec::new() }
    }

    /// Same as [`replica`](Self::replica), on a machine with another clock.
    pub async fn replica_with(&self, clock: Arc<dyn Clock>) -> Self {
        let settings = ConfigFile::read(self.folder.file("connector-host.toml")).unwrap();
        let (sockets, transport) = (PassedSockets::default(), Arc::new(Network::default()));
        let service = Server::start_with(settings, sockets, transport, clock, Compiler::InProcess);
        let service = Box::pin(service).await.unwrap();
        Self::of(service, Arc::clone(&self.folder), Arc::clone(&self.stand_in))
    }

    /// Stops the service.
    pub async fn stop(self) {
        drop(self.stop);
        self.running.await.unwrap().unwrap();
    }

    /// Restarts the service.
    pub async fn restarted(self) -> Self {
        drop(self.stop);
        self.running.await.unwrap().unwrap();
        drop(self.parts);
        Box::pin(Self::start(self.folder, self.stand_in)).await
    }

    /// Rewrites the configuration.
    pub async fn configure(&self, more: &str) {
        configure(&self.folder, &self.stand_in, more).await;
    }

    /// Connects to the database on a server, beside the service.
    pub async fn beside(&self) -> Tx {
        self.folder.beside().await
    }

    /// Returns the address of the database on a server by way of a pooler; `None` without a pooler.
    pub async fn pooled_address(&self) -> Option<PostgresAddress> {
        self.folder.pooled_address().await
    }

    /// Whether the database is on a server of PostgreSQL.
    pub fn is_on_server(&self) -> bool {
        self.folder.is_on_server()
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.file(name)
    }

    /// Creates an API key for these tenants, or all.
    pub async fn key(&self, name: &'static str, tenants: Option<&[&str]>) -> String {
        self.granted(name, Grant::of(owned(tenants), Scopes::All)).await
    }

    /// Creates an API key that may only read, for these tenants, or all.
    pub async fn reading_key(&self, name: &'static str, tenants: Option<&[&str]>) -> String {
        self.granted(name, Grant::of(owned(tenants), Scopes::ReadAll)).await
    }

    /// Creates an API key with that grant.
    pub async fn granted(&self, name: &'static str, grant: Grant) -> String {
        let text = Secret::random(PREFIX).unwrap();
        let (vault, kept) = (self.parts.store.vault().clone(), text.clone());
        self.write(move |tx| {
            Box::pin(async move {
                let new = NewApiKey { name, grant: &grant, text: &kept, by: "a test" };
                api_keys::create(tx, &vault, 17, new).await
            })
        })
        .await;
        text.expose().to_owned()
    }

    /// Creates an API key with all permissions.
    pub async fn operator(&self) -> String {
        self.key("operator", None).await
    }

    pub async fn write<T: Send + 'static>(
        &self,
        work: impl for<'c> FnOnce(&'c mut Tx) -> futures::future::BoxFuture<'c, Result<T, StoreError>>
        + Send
        + 'static,
    ) -> T {
        self.parts.store.write(work).await.unwrap()
    }

    /// Parks the connection `newsletter` of `acme` at `at`, with an alarm, as a refused key does.
    pub async fn park(&self, at: i64, why: &'static str) {
        self.write(move |tx| Box::pin(async move { holds::park(tx, "newsletter", at, why).await })).await;
        self.alarm("acme", Some("newsletter"), "connection-parked", "newsletter").await;
    }

    /// Raises an alarm, unless the same one is open. Returns its id.
    pub async fn alarm(
        &self,
        tenant: &'static str,
        connection: Option<&'static str>,
        kind: &'static str,
        about: &str,
    ) -> String {
        let subject = about.to_owned();
        let open = self.write(move |tx| {
            Box::pin(async move {
                let alarm = Alarm { tenant, connection, kind, about: &subject, detail: "d" };
                alarms::raise(tx, 1, &alarm).await?;
                alarms::open(tx).await
            })
        });
        let is_it = |open: &StoredAlarm| (&*open.tenant, &*open.kind, &*open.about) == (tenant, kind, about);
        open.await.into_iter().find(is_it).unwrap().id
    }

    /// Damages the database.
    pub async fn sql(&self, statement: &'static str) {
        testing::sql(&self.parts.store, statement).await;
    }

    /// Changes connections in the database as another version of this program could.
    pub async fn authenticated_sql(&self, statement: &'static str) {
        testing::authenticated_sql(&self.parts.store, statement).await;
    }

    /// The audit records of `tenant`, oldest first.
    pub async fn audit(&self, tenant: &'static str) -> Vec<Value> {
        let records = testing::audit_records(&self.parts.store, tenant).await;
        records.iter().map(|record| serde_json::from_str(record).unwrap()).collect()
    }

    pub async fn get(&self, key: &str, path: &str) -> Answer {
        self.send(key, "GET", path, None).await
    }

    pub async fn send(&self, key: &str, method: &str, path: &str, body: Option<Value>) -> Answer {
        let headers = format!("authorization: Bearer {key}\r\ncontent-type: application/json\r\n");
        let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        send(self.api, method, path, &headers, &body).await
    }

    /// Posts a component to `path`, which is relative to the plugins.
    pub async fn post_component(&self, key: &str, path: &str, component: &[u8]) -> Answer {
        let headers = format!("authorization: Bearer {key}\r\ncontent-type: application/wasm\r\n");
        self.raw("POST", &format!("/api/v1/plugins/{path}"), &headers, component).await
    }

    /// Sends a request with these headers to the API.
    pub async fn raw(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        send(self.api, method, path, headers, body).await
    }

    /// Connects to the API.
    pub async fn client(&self) -> TcpStream {
        TcpStream::connect(self.api).await.unwrap()
    }

    /// Connects to the listener of the webhooks.
    pub async fn webhook_client(&self) -> TcpStream {
        TcpStream::connect(self.webhooks.unwrap()).await.unwrap()
    }

    /// Sends a request to the listener of the webhooks.
    pub async fn at_webhooks(&self, path: &str) -> Answer {
        exchange(self.webhooks.unwrap(), "GET", path, "", b"").await
    }

    /// The body that creates a connection `key` of `tenant` to the stand-in.
    pub fn connection(&self, tenant: &str, key: &str) -> Value {
        let host = self.stand_in.address().to_string();
        json!({
            "key": key, "tenant": tenant, "plugin": "iterable",
            "settings": {"domain": host}, "secrets": {"api-key": self.stand_in.api_key()},
            "egress": {"hosts": [host], "loopback": true, "plain_http": true},
        })
    }

    /// Creates that connection.
    pub async fn connect(&self, operator: &str, tenant: &str, key: &str) {
        let body = self.connection(tenant, key);
        let made = self.send(operator, "POST", "/api/v1/connection", Some(body)).await;
        assert_eq!(made.status, 201, "{made:?}");
    }
}

/// Returns the bytes of a component, such as `iterable`.
pub fn component(name: &str) -> Vec<u8> {
    std::fs::read(xtask::components::current(name).unwrap()).unwrap()
}

/// Returns the bytes of a guest.
pub fn guest(name: &str) -> Vec<u8> {
    component(&format!("guests/{name}"))
}

/// Returns a guest with `tag` in a custom section, so that its digest is another one.
pub fn tagged_guest(name: &str, tag: u8) -> Vec<u8> {
    [guest(name), vec![0, 3, 1, b'v', tag]].concat()
}

async fn configure(folder: &Folder, stand_in: &StandIn, more: &str) {
    let component = xtask::components::current("iterable").unwrap();
    let text = format!(
        "service.master-key = {{ file = 'master.key' }}\nservice.listen = '127.0.0.1:0'\n\
         service.public-url = 'https://hooks.example.com'\nservice.compiled-cache = '{}'\n\
         host.concurrent-calls = 4\nplugins.iterable.file = '{}'\n{}\n{more}",
        xtask::components::code_cache().display(),
        component.display(),
        folder.settings().await,
    );
    let text = text.replace("HOST", &stand_in.address().to_string());
    std::fs::write(folder.file("connector-host.toml"), text).unwrap();
}

/// Exchanges a request with the API, and checks that its document lists the answer.
async fn send(to: SocketAddr, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
    let answer = exchange(to, method, path, headers, body).await;
    let status = answer.status.to_string();
    let is_listed =
        operation(method, path).is_none_or(|operation| operation["responses"][status].is_object());
    assert!(is_listed, "the document does not list this answer to {method} {path}: {answer:?}");
    answer
}

async fn exchange(to: SocketAddr, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(to).await.unwrap();
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: api\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // A server that refuses a body may not read all of it.
    let _unread = stream.write_all(body).await;
    let mut answer = Vec::new();
    let _cut = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8(answer).unwrap();
    let (headers, text) = answer.split_once("\r\n\r\n").unwrap();
    Answer {
        status: headers.split(' ').nth(1).unwrap().parse().unwrap(),
        headers: headers.to_lowercase(),
        json: serde_json::from_str(text).unwrap_or_default(),
        text: text.to_owned(),
    }
}

/// The operation of that request in the OpenAPI document; `None` if there is none.
fn operation(method: &str, path: &str) -> Option<&'static Value> {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    let document = DOCUMENT.get_or_init(|| serde_json::from_str(&document()).unwrap());
    let path = path.split('?').next().unwrap();
    let is_it = |template: &str| {
        let (segments, blanks): (Vec<_>, Vec<_>) = (path.split('/').collect(), template.split('/').collect());
        let mut pairs = segments.iter().zip(&blanks);
        segments.len() == blanks.len()
            && pairs.all(|(segment, blank)| blank.starts_with('{') || segment == blank)
    };
    // A template without placeholders precedes one with a placeholder.
    let mut items: Vec<_> =
        document["paths"].as_object()?.iter().filter(|(template, _)| is_it(template)).collect();
    items.sort_by_key(|(template, _)| template.matches('{').count());
    items.first()?.1.get(method.to_lowercase())
}

/// The text of the OpenAPI document.
pub fn document() -> String {
    Document::of(resources().into_openapi()).text().to_owned()
}

fn owned(tenants: Option<&[&str]>) -> Option<std::collections::BTreeSet<String>> {
    tenants.map(|tenants| tenants.iter().map(|tenant| (*tenant).to_owned()).collect())
}
