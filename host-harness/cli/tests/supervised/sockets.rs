//! Sockets that a service manager passes on with `LISTEN_FDS`.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::{fd::OwnedFd, unix::net::UnixListener},
    process::Command,
};

use command_fds::{CommandFdExt as _, FdMapping};

use super::{
    operator::Operator,
    program::{Program, ask, block_at, configure, reached, serve_with},
};

/// Sets the variable that names the process, which a parent cannot know before it exists.
const FOR_ITSELF: [&str; 3] = ["sh", "-c", r#"export LISTEN_PID=$$; exec "$0" "$@""#];

/// The command, with `sockets` as its descriptors from 3 on.
pub(super) fn serve_on(operator: &Operator, sockets: Vec<OwnedFd>, names: Option<&str>) -> Command {
    let mut command = serve_with(&FOR_ITSELF, operator);
    command.env("LISTEN_FDS", sockets.len().to_string());
    if let Some(names) = names {
        command.env("LISTEN_FDNAMES", names);
    }
    let mappings =
        sockets.into_iter().zip(3..).map(|(parent_fd, child_fd)| FdMapping { parent_fd, child_fd });
    command.fd_mappings(mappings.collect()).unwrap();
    command
}

pub(super) fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_connects_before_the_start_has_ended_waits_and_is_answered() {
    let operator = Operator::new().await;
    configure(&operator, "listen = '127.0.0.1:1'");
    let file = operator.config().with_file_name("iterable.wasm");
    let plugin = fs::read(&file).unwrap();
    block_at(&file);
    let (socket, address) = listener();
    let mut program = Program::start(&mut serve_on(&operator, vec![socket.into()], None));
    let mut pipe = reached(&file).await;
    let mut early = TcpStream::connect(&address).unwrap();
    early.write_all(b"GET /health HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").unwrap();
    pipe.write_all(&plugin).unwrap();
    drop(pipe);
    assert_eq!(program.serves().await, (address, None));
    let mut answer = String::new();
    early.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");

    program.signal("-TERM");
    assert_eq!(program.ends().await.0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn named_sockets_serve_the_api_and_the_webhooks() {
    let operator = Operator::new().await;
    configure(&operator, "");
    let ((webhooks, hooks), (api, address)) = (listener(), listener());
    let sockets = vec![webhooks.into(), api.into()];
    let program = Program::start(&mut serve_on(&operator, sockets, Some("webhook:api")));
    assert_eq!(program.serves().await, (address.clone(), Some(hooks.clone())));
    assert!(ask(&address, "GET /health HTTP/1.1", "").starts_with("200 "));
    assert!(ask(&hooks, "GET /health HTTP/1.1", "").starts_with("404 "), "it serves only webhooks");
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_for_another_process_are_left_alone() {
    let operator = Operator::new().await;
    configure(&operator, "listen = '127.0.0.1:0'");
    let (_socket, address) = listener();
    let mut command = serve_with(&[], &operator);
    command.env("LISTEN_FDS", "1").env("LISTEN_PID", "1");
    let program = Program::start(&mut command);
    assert_ne!(program.serves().await.0, address);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_listening_socket_or_has_another_name_is_refused() {
    let operator = Operator::new().await;
    configure(&operator, "listen = '127.0.0.1:0'");
    let (socket, address) = listener();
    let connected = TcpStream::connect(&address).unwrap();
    let unix = UnixListener::bind(operator.config().with_file_name("socket")).unwrap();
    let file = fs::File::open(operator.config()).unwrap();
    let expected = "expected a listening TCP socket (`ListenStream=` with a port, and `Accept=no`)";
    for (descriptor, names, found) in [
        (OwnedFd::from(connected), None, "descriptor 3 as the socket `api`, but it does not listen: "),
        (file.into(), Some("api"), "descriptor 3 as the socket `api`, but fd 3 is not a socket: "),
        (
            unix.into(),
            Some("webhook"),
            "descriptor 3 as the socket `webhook`, but fd 3 is not a valid tcp socket: ",
        ),
    ] {
        let mut program = Program::start(&mut serve_on(&operator, vec![descriptor], names));
        assert_eq!(program.ends().await.0, Some(2));
        program.logs(&format!("error: the service manager passed {found}{expected}")).await;
    }
    let mut program = Program::start(&mut serve_on(&operator, vec![socket.into()], Some("web")));
    assert_eq!(program.ends().await.0, Some(2));
    program.logs("error: the service manager passed a socket named `web`: expected `api` or `webhook`").await;
    let mut command = serve_with(&FOR_ITSELF, &operator);
    let mut program = Program::start(command.env("LISTEN_FDS", "many"));
    assert_eq!(program.ends().await.0, Some(2));
    program.logs("error: LISTEN_FDS=many: expected the number of sockets").await;
}
