//! A server that is further away: a proxy that passes everything on a little later.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    task::JoinSet,
    time::sleep,
};

/// How much later: the shortest that the runtime can wait.
const DELAY: Duration = Duration::from_millis(1);

/// Runs until it is dropped.
pub(crate) struct Distance {
    pub(crate) port: u16,
    _accepting: JoinSet<()>,
}

impl Distance {
    /// Begins to pass on to the server at this port of the loopback address.
    pub(crate) async fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut accepting = JoinSet::new();
        accepting.spawn(async move {
            let mut passing = JoinSet::new();
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
                for stream in [&client, &server] {
                    stream.set_nodelay(true).unwrap();
                }
                let ((from_client, to_client), (from_server, to_server)) =
                    (client.into_split(), server.into_split());
                passing.spawn(pass_on(from_client, to_server));
                passing.spawn(pass_on(from_server, to_client));
            }
        });
        Self { port, _accepting: accepting }
    }
}

/// Passes on until one side closes.
async fn pass_on(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
    let mut piece = vec![0; 1 << 16];
    while let Ok(length @ 1..) = from.read(&mut piece).await {
        sleep(DELAY).await;
        if to.write_all(&piece[..length]).await.is_err() {
            return;
        }
    }
}
