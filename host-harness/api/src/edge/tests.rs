//! Slow, numerous and invalid callers at a real listener.
//! These tests use the machine's time: hyper's and tokio's timers, which end a connection, go by it.

mod answers;

use std::{collections::VecDeque, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, routing::get};
use host_service::{refused_log::RefusedLog, settings::edge::EdgeConfig, telemetry::Telemetry};
use host_store::gauges::Gauges;
use parking_lot::Mutex;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{incoming::Accept, listener::Listener};
use test_support::Logged;

/// The maximum wait of a test.
const DEADLINE: Duration = Duration::from_secs(20);

/// For limits that are irrelevant to a test.
const LONG: Duration = Duration::from_mins(10);

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";

struct Served {
    address: SocketAddr,
    telemetry: Telemetry,
    stop: CancellationToken,
    /// A permit completes one answer of `/slow`.
    go_on: Arc<Semaphore>,
    running: JoinHandle<()>,
    logged: Logged,
}

fn usual(telemetry: &Telemetry) -> Listener {
    let edge = EdgeConfig { header_timeout: LONG, ..EdgeConfig::default() };
    Listener {
        name: "webhooks",
        max_connections: 8,
        edge,
        stop_grace: LONG,
        telemetry: telemetry.clone(),
        refused: RefusedLog::default(),
    }
}

impl Served {
    async fn with(change: impl FnOnce(&mut Listener)) -> Self {
        Self::at(TcpListener::bind("127.0.0.1:0").await.unwrap(), change)
    }

    fn at(door: TcpListener, change: impl FnOnce(&mut Listener)) -> Self {
        let address = door.local_addr().unwrap();
        Self::through(door, address, Router::new(), change)
    }

    /// A server with `routes` in addition to `/` and `/slow`.
    fn through(
        door: impl Accept,
        address: SocketAddr,
        routes: Router,
        change: impl FnOnce(&mut Listener),
    ) -> Self {
        let logged = Logged::begin();
        let (telemetry, stop, go_on) =
            (Telemetry::default(), CancellationToken::new(), Arc::new(Semaphore::new(0)));
        let gate = Arc::clone(&go_on);
        let slow = move || {
            let gate = Arc::clone(&gate);
            async move { gate.acquire().await.map(|_| "at last").unwrap() }
        };
        let routes = routes.route("/", get(|| async { "hello" })).route("/slow", get(slow));
        let mut listener = usual(&telemetry);
        change(&mut listener);
        let running = tokio::spawn(listener.serve(door, routes, stop.clone()));
        Self { address, telemetry, stop, go_on, running, logged }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// A connection that has had an answer and is idle.
    async fn idle(&self) -> TcpStream {
        let mut stream = self.connect().await;
        stream.write_all(REQUEST).await.unwrap();
        until(&mut stream, "hello").await;
        stream
    }

    /// Waits until a connection is served. It is refused while the server has not noticed yet that another one is gone.
    async fn place_is_free(&self) {
        let served = async {
            loop {
                let mut stream = self.connect().await;
                let _refused = stream.write_all(REQUEST).await;
                let mut said = [0; 8];
                if stream.read_exact(&mut said).await.is_ok() {
                    return said;
                }
            }
        };
        assert_eq!(&timeout(DEADLINE, served).await.expect("a place is free"), b"HTTP/1.1");
    }

    fn refused(&self) -> u64 {
        let text = self.telemetry.rendered(&Gauges::default(), 0);
        let counted = "connector_host_connections_refused_total{listener=\"webhooks\"} ";
        text.lines().find_map(|line| line.strip_prefix(counted)).map_or(0, |count| count.parse().unwrap())
    }

    /// The number of log lines with these words.
    fn lines(&self, words: &str) -> usize {
        self.logged.text().lines().filter(|line| line.contains(words)).count()
    }
}

/// Reads until `words` have arrived.
async fn until(stream: &mut TcpStream, words: &str) {
    let mut said = Vec::new();
    while !String::from_utf8_lossy(&said).contains(words) {
        let read = timeout(DEADLINE, stream.read_buf(&mut said)).await.unwrap().unwrap();
        assert!(read > 0, "{}", String::from_utf8_lossy(&said));
    }
}

/// Reads until the connection ends.
async fn rest(stream: &mut TcpStream) -> String {
    let mut said = Vec::new();
    let _cut = timeout(DEADLINE, stream.read_to_end(&mut said)).await.expect("the connection ends");
    String::from_utf8_lossy(&said).into_owned()
}

#[tokio::test]
async fn a_head_that_does_not_arrive_in_time_ends_its_connection() {
    let served = Served::with(|listener| listener.edge.header_timeout = Duration::from_millis(100)).await;
    let mut silent = served.connect().await;
    assert_eq!(rest(&mut silent).await, "");
    let mut half = served.connect().await;
    half.write_all(b"GET / HTTP/1.1\r\nhost: ").await.unwrap();
    assert_eq!(rest(&mut half).await, "");
    let (mut said, mut words) = served.connect().await.into_split();
    let dribbling = tokio::spawn(async move {
        words.write_all(b"GET / HTTP/1.1\r\nx: ").await.unwrap();
        while words.write_all(b"y").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    let _ended =
        timeout(DEADLINE, said.read_u8()).await.expect("a head that arrives byte by byte times out too");
    timeout(DEADLINE, dribbling).await.unwrap().unwrap();
}

#[tokio::test]
async fn an_idle_connection_ends_and_its_place_is_free_again() {
    let served = Served::with(|listener| {
        (listener.edge.header_timeout, listener.max_connections) = (Duration::from_secs(1), 1);
    })
    .await;
    let mut idle = served.idle().await;
    assert_eq!(rest(&mut idle).await, "");
    served.idle().await;
    assert_eq!(served.refused(), 0);
}

#[tokio::test]
async fn a_client_that_reads_none_of_its_answers_is_given_up_and_its_place_is_free_again() {
    let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = door.local_addr().unwrap();
    // More than the buffers of both ends can hold.
    let large = Router::new().route("/large", get(async || vec![b'y'; 256 << 10]));
    let served = Served::through(door, address, large, |listener| {
        (listener.edge.header_timeout, listener.max_connections) = (Duration::from_secs(1), 1);
    });
    let mut deaf = served.connect().await;
    deaf.write_all(&b"GET /large HTTP/1.1\r\nhost: a\r\n\r\n".repeat(300)).await.unwrap();
    served.place_is_free().await;
    drop(deaf);
}

#[tokio::test]
async fn a_head_that_is_too_large_is_answered_431() {
    let served = Served::with(|listener| listener.edge.max_header_bytes = 8_192).await;
    let head = |bytes: usize| {
        format!("GET / HTTP/1.1\r\nconnection: close\r\nhost: a\r\nx: {}\r\n\r\n", "y".repeat(bytes))
    };
    for (bytes, status) in [(8_000, "HTTP/1.1 200 "), (9_000, "HTTP/1.1 431 ")] {
        let mut stream = served.connect().await;
        stream.write_all(head(bytes).as_bytes()).await.unwrap();
        let said = rest(&mut stream).await;
        assert!(said.starts_with(status), "{bytes}: {said}");
    }
}

#[tokio::test]
async fn connections_over_the_cap_are_closed_at_once_counted_and_logged_once() {
    let served = Served::with(|listener| listener.max_connections = 2).await;
    let (first, _second) = (served.idle().await, served.idle().await);
    for _ in 0..5 {
        assert_eq!(rest(&mut served.connect().await).await, "");
    }
    assert_eq!(served.refused(), 5);
    assert_eq!(served.lines("connections are refused"), 1);
    let line = served.logged.once(|line| line["level"] == "WARN").await;
    assert_eq!((&line["listener"], &line["max_connections"]), (&"webhooks".into(), &2.into()));
    drop(first);
    served.place_is_free().await;
}

/// Fails with each of `errors` before it accepts a connection.
struct Failing {
    errors: Mutex<VecDeque<io::Error>>,
    listener: TcpListener,
}

impl Accept for Failing {
    async fn accept(&self) -> io::Result<TcpStream> {
        let error = self.errors.lock().pop_front();
        match error {
            Some(error) => Err(error),
            None => Accept::accept(&self.listener).await,
        }
    }
}

#[cfg(unix)]
#[tokio::test]
async fn running_out_of_files_is_logged_once_and_callers_are_served_once_there_are_some() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let no_files = || io::Error::from_raw_os_error(24);
    let errors = [no_files(), io::ErrorKind::ConnectionAborted.into(), no_files(), no_files()];
    let failing = Failing { errors: Mutex::new(errors.into()), listener };
    let served = Served::through(failing, address, Router::new(), |_| ());
    served.idle().await;
    assert_eq!(served.lines("connections cannot be accepted"), 1);
    let line = served.logged.once(|line| line["level"] == "ERROR").await;
    assert_eq!(line["listener"], "webhooks");
    assert!(line["error"].as_str().unwrap().starts_with("Too many open files"), "{line}");
}

#[tokio::test]
async fn http_2_without_tls_is_not_spoken() {
    let served = Served::with(|_| ()).await;
    let mut stream = served.connect().await;
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    stream.write_all(&[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &settings[..]].concat()).await.unwrap();
    let said = rest(&mut stream).await;
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 4"), "{said:?}");
}

#[tokio::test]
async fn after_the_stop_no_connection_is_accepted_idle_ones_end_and_an_answer_under_way_is_completed() {
    let served = Served::with(|_| ()).await;
    let (mut idle, mut fresh) = (served.idle().await, served.connect().await);
    let mut slow = served.connect().await;
    slow.write_all(b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    // Connections are accepted in order, so the previous one has been accepted.
    served.idle().await;
    served.stop.cancel();
    assert_eq!((rest(&mut idle).await.as_str(), rest(&mut fresh).await.as_str()), ("", ""));
    assert!(TcpStream::connect(served.address).await.is_err());
    served.go_on.add_permits(1);
    let said = rest(&mut slow).await;
    assert!(said.starts_with("HTTP/1.1 200 ") && said.ends_with("at last"), "{said}");
    timeout(DEADLINE, served.running).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_panic_that_ends_a_connection_is_logged_and_the_listener_serves_on() {
    let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = door.local_addr().unwrap();
    let panics = Router::new().route("/panics", get(async || -> &'static str { panic!("not caught") }));
    let served = Served::through(door, address, panics, |_| ());
    let mut stream = served.connect().await;
    stream.write_all(b"GET /panics HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    assert_eq!(rest(&mut stream).await, "");
    let line = served.logged.once(|line| line["message"] == "a connection panicked").await;
    assert_eq!((&line["level"], &line["listener"]), (&"ERROR".into(), &"webhooks".into()));
    served.idle().await;
}

#[tokio::test]
async fn half_a_head_does_not_hold_up_the_stop() {
    let served = Served::with(|_| ()).await;
    let (mut fresh, mut used) = (served.connect().await, served.idle().await);
    for half in [&mut fresh, &mut used] {
        half.write_all(b"GET / HTTP/1.1\r\nhost: ").await.unwrap();
    }
    // Comes after them, so their incomplete heads have been read.
    served.idle().await;
    served.stop.cancel();
    timeout(DEADLINE, served.running).await.unwrap().unwrap();
    assert_eq!((rest(&mut fresh).await.as_str(), rest(&mut used).await.as_str()), ("", ""));
}

#[tokio::test]
async fn an_answer_that_does_not_end_in_time_is_cut_off_and_logged() {
    let served = Served::with(|listener| listener.stop_grace = Duration::from_millis(50)).await;
    let mut slow = served.connect().await;
    slow.write_all(b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    served.idle().await;
    served.stop.cancel();
    timeout(DEADLINE, served.running).await.unwrap().unwrap();
    assert_eq!(rest(&mut slow).await, "");
    served.logged.once(|line| line["message"] == "answers that did not finish in time are cut off").await;
}
