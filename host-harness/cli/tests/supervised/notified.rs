//! What a service manager is told at `NOTIFY_SOCKET`.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    os::{
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr, UnixDatagram},
    },
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use sqlx::Connection as _;

use super::{
    operator::Operator,
    program::{Program, ask, block_at, configure, reached, serve_with},
};

/// Only a failing test waits this long for a message.
const DEADLINE: Duration = Duration::from_mins(1);

/// The messages that arrive at `socket`.
struct Messages(Receiver<String>);

impl Messages {
    fn at(socket: UnixDatagram) -> Self {
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4_096];
            while let Ok(length) = socket.recv(&mut buffer) {
                let text = String::from_utf8_lossy(buffer.get(..length).unwrap()).into_owned();
                if sender.send(text).is_err() {
                    return;
                }
            }
        });
        Self(messages)
    }

    fn next(&self) -> String {
        self.0.recv_timeout(DEADLINE).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_manager_learns_of_the_start_each_reload_and_the_stop() {
    let operator = Operator::new().await;
    configure(&operator, "listen = '127.0.0.1:0'");
    let file = operator.config().with_file_name("iterable.wasm");
    let plugin = fs::read(&file).unwrap();
    block_at(&file);
    let address = operator.config().with_file_name("notify");
    let messages = Messages::at(UnixDatagram::bind(&address).unwrap());
    let mut program = Program::start(serve_with(&[], &operator).env("NOTIFY_SOCKET", &address));
    assert_eq!(messages.next(), "STATUS=starting\n");

    let mut pipe = reached(&file).await;
    pipe.write_all(&plugin).unwrap();
    drop(pipe);
    assert_eq!(messages.next(), "READY=1\nSTATUS=serving\n");
    let (api, _) = program.serves().await;
    assert!(ask(&api, "GET /ready HTTP/1.1", "").starts_with("200 "));

    for reload in ["reloaded", "nothing was reloaded"] {
        program.signal("-HUP");
        let reloading = messages.next();
        let lines: Vec<_> = reloading.lines().collect();
        let [state, time, status] = lines.as_slice() else { panic!("{reloading}") };
        assert_eq!((*state, *status), ("RELOADING=1", "STATUS=reloading the connections"));
        let time = time.strip_prefix("MONOTONIC_USEC=").and_then(|time| time.parse::<u64>().ok());
        assert!(time.is_some_and(|time| time > 0), "{reloading}");
        assert_eq!(messages.next(), "READY=1\nSTATUS=serving\n");
        program.logs(reload).await;
        // The next reload fails.
        fs::write(operator.config(), "broken").unwrap();
    }

    program.signal("-TERM");
    assert_eq!(messages.next(), "STOPPING=1\nSTATUS=stopping: finishing work in progress\n");
    assert_eq!(program.ends().await.0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_during_the_start_is_reported_to_an_abstract_address_too() {
    let operator = Operator::new().await;
    configure(&operator, "listen = '127.0.0.1:0'");
    let file = operator.config().with_file_name("iterable.wasm");
    block_at(&file);
    let name = format!("connector-host-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let messages = Messages::at(UnixDatagram::bind_addr(&address).unwrap());
    let mut program = Program::start(serve_with(&[], &operator).env("NOTIFY_SOCKET", format!("@{name}")));
    assert_eq!(messages.next(), "STATUS=starting\n");
    let _pipe = reached(&file).await;
    program.signal("-TERM");
    assert_eq!(messages.next(), "STOPPING=1\nSTATUS=stopping: finishing work in progress\n");
    assert_eq!(program.ends().await.0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_lacks_a_plugin_says_so_and_one_without_a_manager_serves() {
    let operator = Operator::new().await;
    configure(&operator, "listen = '127.0.0.1:0'");
    let key = operator.run(&["api-key", "create", "--name", "ops"]).await.out;
    let address = operator.config().with_file_name("notify");
    let program = Program::start(serve_with(&[], &operator).env("NOTIFY_SOCKET", &address));
    let (api, _) = program.serves().await;
    program.logs("the service manager at NOTIFY_SOCKET cannot be notified").await;
    let plugin = operator.config().with_file_name("iterable.wasm");
    let server = format!("http://{api}");
    let publish = ["plugin", "publish", "fresh", plugin.to_str().unwrap(), "--agree", "--server", &server];
    let published = operator.run_with(&publish, "", &[("CONNECTOR_HOST_API_KEY", key.trim())]).await;
    assert_eq!(published.code, 0, "{}", published.err);
    drop(program);

    let database = format!("sqlite://{}", operator.config().with_file_name("connector-host.db").display());
    let mut connection = sqlx::SqliteConnection::connect(&database).await.unwrap();
    sqlx::query("UPDATE components SET bytes = x'00'").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let messages = Messages::at(UnixDatagram::bind(&address).unwrap());
    let _program = Program::start(serve_with(&[], &operator).env("NOTIFY_SOCKET", &address));
    assert_eq!(messages.next(), "STATUS=starting\n");
    assert_eq!(
        messages.next(),
        "READY=1\nSTATUS=serving, but not ready: plugins are not loaded: {\"fresh\"}\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_is_handled_while_the_state_is_read_from_a_locked_database() {
    let operator = Operator::new().await;
    configure(&operator, "listen = '127.0.0.1:0'");
    let address = operator.config().with_file_name("notify");
    let messages = Messages::at(UnixDatagram::bind(&address).unwrap());
    let mut program = Program::start(serve_with(&[], &operator).env("NOTIFY_SOCKET", &address));
    assert_eq!(messages.next(), "STATUS=starting\n");
    assert_eq!(messages.next(), "READY=1\nSTATUS=serving\n");

    let database = format!("sqlite://{}", operator.config().with_file_name("connector-host.db").display());
    let mut lock = sqlx::SqliteConnection::connect(&database).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut lock).await.unwrap();
    // This reload fails before it needs the database.
    fs::write(operator.config(), "broken").unwrap();
    // The machine's time: the state is not read again for a while after a commit, then waits seconds for the lock.
    let waits = || {
        program.signal("-HUP");
        assert!(messages.next().starts_with("RELOADING=1\n"));
        messages.0.recv_timeout(Duration::from_secs(1)).is_err()
    };
    while !waits() {}
    program.signal("-TERM");
    assert_eq!(messages.next(), "STOPPING=1\nSTATUS=stopping: finishing work in progress\n");
    lock.close().await.unwrap();
    assert_eq!(program.ends().await.0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_watchdog_is_answered_in_its_interval() {
    const INTERVAL: Duration = Duration::from_secs(10);
    let operator = Operator::new().await;
    configure(&operator, "listen = '127.0.0.1:0'");
    let address = operator.config().with_file_name("notify");
    let messages = Messages::at(UnixDatagram::bind(&address).unwrap());
    let mut command = serve_with(&[], &operator);
    command.env("NOTIFY_SOCKET", &address).env("WATCHDOG_USEC", INTERVAL.as_micros().to_string());
    let _program = Program::start(&mut command);
    assert_eq!(messages.next(), "STATUS=starting\n");
    assert_eq!(messages.next(), "READY=1\nSTATUS=serving\n");
    // The machine's time: each is due after half of the interval.
    for _ in 0..2 {
        assert_eq!(messages.0.recv_timeout(INTERVAL).unwrap(), "WATCHDOG=1\n");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_watchdog_is_answered_until_a_stop_has_finished_the_work_in_progress() {
    let operator = Operator::new().await;
    configure(&operator, "listen = '127.0.0.1:0'");
    let address = operator.config().with_file_name("notify");
    let messages = Messages::at(UnixDatagram::bind(&address).unwrap());
    let mut command = serve_with(&[], &operator);
    command.env("NOTIFY_SOCKET", &address).env("WATCHDOG_USEC", "200000");
    let mut program = Program::start(&mut command);
    let (api, _) = program.serves().await;
    let key = operator.run(&["api-key", "create", "--name", "ops"]).await.out;
    let mut request = TcpStream::connect(&api).unwrap();
    let head = format!(
        "POST /api/v1/plugins/fresh HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\n\
         expect: 100-continue\r\ncontent-length: 1\r\n\r\n",
        key.trim()
    );
    request.write_all(head.as_bytes()).unwrap();
    let mut answer = [0; 25];
    request.read_exact(&mut answer).unwrap();
    assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 100 Continue\r\n\r\n");

    program.signal("-TERM");
    while messages.next() != "STOPPING=1\nSTATUS=stopping: finishing work in progress\n" {}
    for _ in 0..3 {
        assert_eq!(messages.next(), "WATCHDOG=1\n");
    }
    drop(request);
    assert_eq!(program.ends().await.0, Some(0));
}
