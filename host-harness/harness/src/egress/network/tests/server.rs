//! The vendor's side of the connection: reads requests and writes the bytes that a test provides.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use parking_lot::Mutex;
use test_support::{Authority, eventually};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

/// What a vendor does with a connection.
#[derive(Clone)]
enum Manner {
    /// Answers each request with the next text, then keeps listening.
    Answers(Vec<String>),
    /// Writes a header byte by byte, forever.
    Drips,
    /// Reads the request and closes.
    Closes,
}

/// Listens on its own port until dropped.
pub(super) struct Server {
    address: SocketAddr,
    log: Arc<Log>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Log {
    connections: AtomicUsize,
    received: Mutex<Vec<String>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(super) async fn answering(answers: &[&str]) -> Self {
        Self::start(Manner::Answers(answers.iter().map(ToString::to_string).collect()), None).await
    }

    pub(super) async fn tls(authority: &Authority, name: &str, answers: &[&str]) -> Self {
        let answers = answers.iter().map(ToString::to_string).collect();
        Self::start(Manner::Answers(answers), Some(authority.acceptor(name))).await
    }

    pub(super) async fn dripping() -> Self {
        Self::start(Manner::Drips, None).await
    }

    pub(super) async fn closing() -> Self {
        Self::start(Manner::Closes, None).await
    }

    /// Creates a server that is no longer running.
    pub(super) async fn gone() -> Self {
        let server = Self::closing().await;
        server.task.abort();
        // The listener is dropped with the task.
        eventually("the task has ended", async || server.task.is_finished(), |ended| *ended).await;
        server
    }

    pub(super) fn host(&self) -> String {
        self.address.to_string()
    }

    pub(super) fn named(&self, name: &str) -> String {
        format!("{name}:{}", self.address.port())
    }

    pub(super) fn connections(&self) -> usize {
        self.log.connections.load(SeqCst)
    }

    pub(super) fn received(&self) -> Vec<String> {
        self.log.received.lock().clone()
    }

    async fn start(manner: Manner, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let log = Arc::new(Log::default());
        let task = tokio::spawn({
            let log = Arc::clone(&log);
            async move {
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    log.connections.fetch_add(1, SeqCst);
                    let (manner, tls, log) = (manner.clone(), tls.clone(), Arc::clone(&log));
                    tokio::spawn(async move {
                        match tls {
                            Some(tls) => {
                                if let Ok(stream) = tls.accept(stream).await {
                                    serve(stream, manner, &log).await;
                                }
                            }
                            None => serve(stream, manner, &log).await,
                        }
                    });
                }
            }
        });
        Self { address, log, task }
    }
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, manner: Manner, log: &Log) {
    let answers = match manner {
        Manner::Answers(answers) => answers,
        Manner::Closes => {
            request(&mut stream, log).await;
            return;
        }
        Manner::Drips => {
            request(&mut stream, log).await;
            while stream.write_all(b"H").await.is_ok() {
                tokio::task::yield_now().await;
            }
            return;
        }
    };
    for answer in answers {
        if request(&mut stream, log).await.is_none() || stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
    // Neither answers nor closes: further requests wait until the client gives up.
    while request(&mut stream, log).await.is_some() {}
}

/// Reads the head of one request. Returns `None` if the client has disconnected.
async fn request(stream: &mut (impl AsyncRead + Unpin), log: &Log) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    log.received.lock().push(String::from_utf8_lossy(&head).into_owned());
    Some(())
}
