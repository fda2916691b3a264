//! The stand-in's connections.

use std::sync::{Arc, atomic::Ordering::SeqCst};

use http::{Request, header::AUTHORIZATION};
use http_body_util::BodyExt as _;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

use super::{Received, RegistryStandIn, State};

impl RegistryStandIn {
    pub(super) async fn serving(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State::default());
        let task = tokio::spawn({
            let state = Arc::clone(&state);
            async move {
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    state.connections.fetch_add(1, SeqCst);
                    let (state, tls) = (Arc::clone(&state), tls.clone());
                    tokio::spawn(async move {
                        match tls {
                            Some(tls) => {
                                if let Ok(stream) = tls.accept(stream).await {
                                    state.serve(stream).await;
                                }
                            }
                            None => state.serve(stream).await,
                        }
                    });
                }
            }
        });
        Self { address, state, task }
    }
}

impl State {
    async fn serve(self: Arc<Self>, stream: impl AsyncRead + AsyncWrite + Unpin) {
        let service = service_fn(|request: Request<Incoming>| {
            let state = Arc::clone(&self);
            async move {
                let (head, body) = request.into_parts();
                let content = body.collect().await?.to_bytes();
                let given = head.headers.get(AUTHORIZATION);
                let authorization = given.map(|value| value.to_str().unwrap().to_owned());
                let line = format!("{} {}", head.method, head.uri);
                state.received.lock().push(Received { line, authorization: authorization.clone() });
                Ok::<_, hyper::Error>(state.answer(&head, authorization.as_deref(), content).await)
            }
        });
        // The end of a connection is an error if the client ended it early, as some tests expect.
        let _ended = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    }
}
