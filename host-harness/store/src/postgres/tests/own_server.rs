//! TLS and the socket, with a server of the test's own: the one that the environment names need not have them.

use std::{
    fs::{self, Permissions},
    net::TcpListener,
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;
use tokio::time::{sleep, timeout};

use test_support::Authority;

use super::*;
use crate::{DatabaseAddress, testing::master_key};

const DEADLINE: Duration = Duration::from_mins(1);

/// Where Debian's packages put the programs of each version.
const VERSIONS: &str = "/usr/lib/postgresql";

/// A server with a certificate for `localhost`, and with a socket.
struct OwnServer {
    folder: TempDir,
    programs: PathBuf,
    port: u16,
    process: Child,
}

impl OwnServer {
    /// Starts it. Without the programs, says that the test is skipped.
    fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            println!("skipped: there are no programs of PostgreSQL in {VERSIONS}");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        // The server's user passes through it to its own folder.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o711)).unwrap();
        let own = folder.path().join("server");
        fs::create_dir(&own).unwrap();
        let authority = Authority::new();
        let (certificate, key) = authority.issue("localhost");
        fs::write(folder.path().join("authority.pem"), authority.pem()).unwrap();
        fs::write(own.join("certificate.pem"), certificate.pem()).unwrap();
        fs::write(own.join("key.pem"), key.serialize_pem()).unwrap();
        for (file, mode) in [("", 0o700), ("certificate.pem", 0o600), ("key.pem", 0o600)] {
            give(&own.join(file), mode);
        }
        let created = command(&programs.join("initdb"))
            .args([
                "--username",
                "tests",
                "--auth",
                "trust",
                "--encoding",
                "UTF8",
                "--locale",
                "C.UTF-8",
                "--no-sync",
            ])
            .args(["--pgdata", "data"])
            .current_dir(&own)
            .output()
            .unwrap();
        assert!(created.status.success(), "{created:?}");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut server = command(&programs.join("postgres"));
        server.args([
            "-D",
            "data",
            "-h",
            "127.0.0.1",
            "-p",
            &port.to_string(),
            "-c",
            "fsync=off",
            "-c",
            "ssl=on",
        ]);
        for (setting, file) in [
            ("ssl_cert_file", "certificate.pem"),
            ("ssl_key_file", "key.pem"),
            ("unix_socket_directories", ""),
        ] {
            server.arg("-c").arg(format!("{setting}={}", own.join(file).display()));
        }
        let process = server.current_dir(&own).stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Some(Self { folder, programs, port, process })
    }

    /// Returns the folder of the server, which has the socket.
    fn own(&self) -> PathBuf {
        self.folder.path().join("server")
    }

    fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// Returns the address at `host`, with these parameters.
    fn address(&self, host: &str, parameters: &str) -> DatabaseAddress {
        let url = format!("postgres://tests@{host}:{}/postgres?{parameters}", self.port);
        DatabaseAddress::Server(PostgresAddress::new(&url, None).unwrap())
    }

    /// Returns the address of the socket.
    fn socket(&self) -> DatabaseAddress {
        let url = format!("postgres:///postgres?host={}&port={}&user=tests", self.own().display(), self.port);
        DatabaseAddress::Server(PostgresAddress::new(&url, None).unwrap())
    }

    /// Waits until it accepts connections.
    async fn accepts(&self) {
        let accepts = async {
            while Store::is_at(&self.socket()).await.is_err() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(DEADLINE, accepts).await.unwrap();
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        let mut stop = command(&self.programs.join("pg_ctl"));
        let stop = stop.args(["stop", "-D", "data", "-m", "fast", "-s"]).current_dir(self.own());
        // If that fails, it is killed.
        let _stopped = stop.status();
        let _killed = self.process.kill();
        let _ended = self.process.wait();
    }
}

/// Returns the folder of the newest programs of a server; that of a client has none.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir(VERSIONS).ok()?;
    let programs = |version: &u32| Path::new(VERSIONS).join(version.to_string()).join("bin");
    let newest = versions
        .flatten()
        .filter_map(|version| version.file_name().to_str()?.parse().ok())
        .filter(|version| programs(version).join("initdb").exists())
        .max()?;
    Some(programs(&newest))
}

/// Returns the user and the group for the server, which does not run as root; `None` if the test does not either.
fn unprivileged() -> Option<(u32, u32)> {
    let id = |arguments: &[&str]| -> u32 {
        let output = Command::new("id").args(arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
    };
    (id(&["-u"]) == 0).then(|| (id(&["-u", "postgres"]), id(&["-g", "postgres"])))
}

fn give(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    if let Some((user, group)) = unprivileged() {
        chown(path, Some(user), Some(group)).unwrap();
    }
}

/// Returns a command that runs `program` as the server's user, and that ends if this process does.
fn command(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "INT"]);
    if unprivileged().is_some() {
        command.args(["--reuid", "postgres", "--regid", "postgres", "--init-groups"]);
    }
    command.arg("--").arg(program);
    command
}

/// Returns whether the connection of a reader is encrypted.
async fn is_encrypted(store: &Store) -> bool {
    let read = store.read(|c| {
        Box::pin(async move {
            let encrypted = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
            Ok(sqlx::query_scalar(encrypted).fetch_one(c).await?)
        })
    });
    read.await.unwrap()
}

#[tokio::test]
async fn a_server_is_reached_by_its_socket_and_by_tls_if_the_authority_and_the_name_are_right() {
    let Some(server) = OwnServer::start() else { return };
    server.accepts().await;
    let open = async |address: &DatabaseAddress| Store::open_at(address, &master_key()).await;
    let by_socket = open(&server.socket()).await.unwrap();
    mark(&by_socket, "by socket").await.unwrap();

    let known = format!("sslrootcert={}", server.authority().display());
    let full = format!("sslmode=verify-full&{known}");
    let encrypted = open(&server.address("localhost", &full)).await.unwrap();
    assert_eq!(marks(&encrypted).await, ["by socket"]);
    assert_eq!([is_encrypted(&encrypted).await, is_encrypted(&by_socket).await], [true, false]);

    let certificate = |refused: Result<Store, StoreError>| refused.unwrap_err().to_string();
    let unknown = certificate(open(&server.address("localhost", "sslmode=verify-full")).await);
    assert!(unknown.contains("UnknownIssuer"), "{unknown}");
    let other_name = certificate(open(&server.address("127.0.0.1", &full)).await);
    assert!(other_name.contains("not valid for name"), "{other_name}");
    // This mode does not look at the name.
    let named_otherwise = format!("sslmode=verify-ca&{known}");
    assert!(is_encrypted(&open(&server.address("127.0.0.1", &named_otherwise)).await.unwrap()).await);
}
