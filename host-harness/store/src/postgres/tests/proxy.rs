//! A proxy before the server that loses a commit, or the answer to it.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// What the proxy loses next, after which it loses nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Loses {
    Nothing,
    Commit,
    AnswerToCommit,
}

pub(super) struct Proxy {
    pub(super) port: u16,
    loses: Arc<AtomicU8>,
}

impl Proxy {
    pub(super) async fn start(server: (String, u16)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let loses = Arc::new(AtomicU8::new(Loses::Nothing as u8));
        let shared = Arc::clone(&loses);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.unwrap();
                tokio::spawn(forward(client, server, Arc::clone(&shared)));
            }
        });
        Self { port, loses }
    }

    pub(super) fn lose(&self, what: Loses) {
        self.loses.store(what as u8, Ordering::SeqCst);
    }
}

/// Forwards what both send until one of them closes the connection, or a commit or its answer is lost.
async fn forward(mut client: TcpStream, mut server: TcpStream, loses: Arc<AtomicU8>) {
    let (mut sent, mut answered) = ([0; 8_192], [0; 8_192]);
    loop {
        tokio::select! {
            Ok(count @ 1..) = client.read(&mut sent) => {
                let sent = &sent[..count];
                let is_commit = sent.windows(7).any(|part| part == b"COMMIT\0");
                let lost = if is_commit { loses.swap(Loses::Nothing as u8, Ordering::SeqCst) } else { Loses::Nothing as u8 };
                if lost == Loses::Commit as u8 || server.write_all(sent).await.is_err() {
                    return;
                }
                if lost == Loses::AnswerToCommit as u8 {
                    // The server answers once it has committed.
                    let _answer = server.read(&mut answered).await;
                    return;
                }
            }
            Ok(count @ 1..) = server.read(&mut answered) => {
                if client.write_all(&answered[..count]).await.is_err() {
                    return;
                }
            }
            else => return,
        }
    }
}
