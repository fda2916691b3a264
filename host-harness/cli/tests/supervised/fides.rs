//! What Fides sends while the service is restarted.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::Arc,
    time::Duration,
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use test_support::eventually;
use tokio::task::JoinHandle;
use xtask::fides_template::Ending;

use super::{
    closed::{answered, free_address},
    fides_client::{Fides, Poll, PrivacyRequest, RequestFailed},
    operator::Operator,
    program::{Program, ask, block_at, configure, reached, serve_with},
    sockets::{listener, serve_on},
};

const PERSON: &[(&str, &str)] = &[("email", "ada@example.com")];

/// Fides with a key of its own for the connection `newsletter` of a service at `address`.
async fn fides(operator: &Operator, address: &str) -> Arc<Fides> {
    let key = operator.run(&["api-key", "create", "--name", "fides"]).await.out;
    let about = [("about", "item"), ("target", "channel:6539")];
    let secrets = [("domain", "unused"), ("connection", "newsletter"), ("api_key", key.trim())];
    Arc::new(Fides::new(Ending::Polled, address, &[secrets.as_slice(), &about].concat()))
}

/// Polls in a task of its own.
fn polling(fides: &Arc<Fides>, id: &str) -> JoinHandle<Result<Poll, RequestFailed>> {
    let (fides, id) = (Arc::clone(fides), id.to_owned());
    tokio::spawn(async move { fides.poll(&id).await })
}

/// Awaits a client in the queue of a socket that no process serves.
async fn has_client(socket: &TcpListener) {
    let look = async || poll(&mut [PollFd::new(socket, PollFlags::IN)], Some(&Timespec::default())).unwrap();
    eventually("a client connects", look, |clients| *clients == 1).await;
}

/// Awaits the only answer of 503 so far, after which Fides waits.
async fn waits(fides: &Fides) {
    let waits = async || fides.waits.lock().clone();
    eventually("Fides waits", waits, |waits| *waits == [Duration::from_secs(20)]).await;
    fides.waits.lock().clear();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fides_sends_between_a_stop_and_the_next_start_waits_in_the_passed_socket_and_is_answered() {
    let operator = Operator::new().await;
    configure(&operator, "listen = '127.0.0.1:1'");
    let (socket, address) = listener();
    let fides = fides(&operator, &address).await;
    let serve = || serve_on(&operator, vec![socket.try_clone().unwrap().into()], None);
    let mut program = Program::start(&mut serve());
    program.serves().await;
    assert_eq!(fides.test().await, Ok(()));
    let id = fides.erase(&PrivacyRequest { id: "pri_1", identities: PERSON }).await.unwrap();
    program.signal("-TERM");
    assert_eq!(program.ends().await.0, Some(0));

    let polled = polling(&fides, &id);
    has_client(&socket).await;
    let sent = Arc::clone(&fides);
    let consent = tokio::spawn(async move {
        sent.consent("opt_out", &PrivacyRequest { id: "pri_2", identities: PERSON }).await
    });
    assert!(!polled.is_finished());
    let program = Program::start(&mut serve());
    program.serves().await;
    assert_eq!(polled.await.unwrap(), Ok(Poll::NotReady));
    let consent = consent.await.unwrap().unwrap();
    assert_eq!(consent.status, 202, "behind the erasure: {consent:?}");
    assert_eq!(fides.waits.lock().len(), 0, "nothing was answered 503");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_during_a_stop_or_a_start_is_repeated_after_the_time_that_the_answer_names() {
    let operator = Operator::new().await;
    let address = free_address();
    configure(&operator, &format!("listen = '{address}'"));
    let fides = fides(&operator, &address).await;
    let mut program = Program::start(&mut serve_with(&[], &operator));
    program.serves().await;
    let id = fides.erase(&PrivacyRequest { id: "pri_1", identities: PERSON }).await.unwrap();
    assert_eq!(fides.poll(&id).await, Ok(Poll::NotReady));

    // A delivery whose body has not arrived yet keeps the stop from ending.
    let mut slow = TcpStream::connect(&address).unwrap();
    let head = "POST /api/v1/plus/connection/newsletter/consent-webhook HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\
                content-type: application/json\r\ncontent-length: 2\r\n\r\n{";
    slow.write_all(head.as_bytes()).unwrap();
    // Its head has been read once a later connection was answered.
    assert!(ask(&address, "GET /health HTTP/1.1", "").starts_with("200"));
    program.signal("-TERM");
    answered(&address, "503").await;
    let polled = polling(&fides, &id);
    waits(&fides).await;
    slow.write_all(b"}").unwrap();
    slow.read_to_string(&mut String::new()).unwrap();
    assert_eq!(program.ends().await.0, Some(0));

    let file = operator.config().with_file_name("iterable.wasm");
    let plugin = fs::read(&file).unwrap();
    block_at(&file);
    let program = Program::start(&mut serve_with(&[], &operator));
    let mut pipe = reached(&file).await;
    fides.wait_is_over.notify_one();
    waits(&fides).await;
    assert!(!program.is_serving());
    pipe.write_all(&plugin).unwrap();
    drop(pipe);
    program.serves().await;
    fides.wait_is_over.notify_one();
    assert_eq!(polled.await.unwrap(), Ok(Poll::NotReady));
}
