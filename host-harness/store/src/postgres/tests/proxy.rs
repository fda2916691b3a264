//! A proxy before the server that loses a commit, or the answer to it, or all connections, or forwards nothing any more.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

/// What the proxy loses next, after which it loses nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Loses {
    Nothing,
    Commit,
    AnswerToCommit,
    /// What the server says from the next commit on.
    AnswersFromCommit,
    /// What both say.
    Everything,
}

pub(super) struct Proxy {
    pub(super) port: u16,
    server: (String, u16),
    loses: Arc<AtomicU8>,
    /// Accepts and has all connections.
    accepting: JoinHandle<()>,
}

impl Proxy {
    pub(super) async fn start(server: (String, u16)) -> Self {
        let loses = Arc::new(AtomicU8::new(Loses::Nothing as u8));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let accepting = tokio::spawn(accept(listener, server.clone(), Arc::clone(&loses)));
        Self { port, server, loses, accepting }
    }

    pub(super) fn lose(&self, what: Loses) {
        self.loses.store(what as u8, Ordering::SeqCst);
    }

    /// Returns whether it has lost what it was to lose.
    pub(super) fn loses_nothing(&self) -> bool {
        self.loses.load(Ordering::SeqCst) == Loses::Nothing as u8
    }

    /// Ends every connection, and refuses new ones from now on.
    pub(super) async fn stop(&mut self) {
        self.accepting.abort();
        let ended = (&mut self.accepting).await;
        assert!(ended.unwrap_err().is_cancelled());
    }

    /// Accepts connections again.
    pub(super) async fn resume(&mut self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await.unwrap();
        self.accepting = tokio::spawn(accept(listener, self.server.clone(), Arc::clone(&self.loses)));
    }
}

async fn accept(listener: TcpListener, server: (String, u16), loses: Arc<AtomicU8>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let server = TcpStream::connect(&server).await.unwrap();
        connections.spawn(forward(client, server, Arc::clone(&loses)));
    }
}

/// Forwards what both send until one of them closes the connection, or a commit or its answer is lost.
async fn forward(mut client: TcpStream, mut server: TcpStream, loses: Arc<AtomicU8>) {
    let (mut sent, mut answered) = ([0; 8_192], [0; 8_192]);
    loop {
        tokio::select! {
            Ok(count @ 1..) = client.read(&mut sent) => {
                if loses.load(Ordering::SeqCst) == Loses::Everything as u8 {
                    return std::future::pending().await;
                }
                let sent = &sent[..count];
                let is_commit = sent.windows(7).any(|part| part == b"COMMIT\0");
                let lost = if is_commit { loses.swap(Loses::Nothing as u8, Ordering::SeqCst) } else { Loses::Nothing as u8 };
                if lost == Loses::Commit as u8 || server.write_all(sent).await.is_err() {
                    return;
                }
                if lost == Loses::AnswersFromCommit as u8 {
                    return std::future::pending().await;
                }
                if lost == Loses::AnswerToCommit as u8 {
                    // The server answers once it has committed.
                    let _answer = server.read(&mut answered).await;
                    return;
                }
            }
            Ok(count @ 1..) = server.read(&mut answered) => {
                if loses.load(Ordering::SeqCst) == Loses::Everything as u8 {
                    return std::future::pending().await;
                }
                if client.write_all(&answered[..count]).await.is_err() {
                    return;
                }
            }
            else => return,
        }
    }
}
