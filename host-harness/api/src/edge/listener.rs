//! Serves one address with limits on the number of connections and on the time and size of the head of each request.
//! Tested in `src/edge/tests.rs`.

use std::{
    net::IpAddr,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{Router, body::Body, extract::Request};
use host_service::{
    refused_log::{CallSource, RefusedLog},
    settings::edge::EdgeConfig,
    telemetry::Telemetry,
};
use http_body_util::BodyExt as _;
use hyper::{
    body::Incoming as Streamed,
    server::conn::http1,
    service::{Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    task::{JoinError, JoinSet},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{
    caller_log::ClientAddress,
    episode::Episode,
    incoming::{Accept, Incoming},
    stalled::Stalling,
};

/// The configuration of a listener.
pub(crate) struct Listener {
    /// Its name in logs and metrics.
    pub(crate) name: &'static str,
    /// The maximum number of simultaneous connections.
    pub(crate) max_connections: usize,
    /// The limits for its callers.
    pub(crate) edge: EdgeConfig,
    /// How long answers in progress may take after the stop.
    pub(crate) stop_grace: Duration,
    /// Counts refused connections and calls.
    pub(crate) telemetry: Telemetry,
    /// Limits log lines about requests that cannot be read.
    pub(crate) refused: RefusedLog,
}

impl Listener {
    /// Serves `routes` at `door` until `stop`. It then accepts no new connections and completes the answers in
    /// progress; connections without one are closed immediately.
    pub(crate) async fn serve(self, door: impl Accept, routes: Router, stop: CancellationToken) {
        let http = self.http();
        let mut incoming = Incoming::of(self.name, door);
        let mut connections = JoinSet::new();
        let mut full = Episode::default();
        loop {
            let stream = tokio::select! {
                () = stop.cancelled() => break,
                Some(ended) = connections.join_next() => {
                    self.note(ended);
                    continue;
                }
                stream = incoming.next() => stream,
            };
            while let Some(ended) = connections.try_join_next() {
                self.note(ended);
            }
            if connections.len() < self.max_connections {
                let (address, under_way) = (stream.peer_addr().ok().map(|peer| peer.ip()), Arc::default());
                let stream = Stalling::new(stream, self.edge.header_timeout, Arc::clone(&under_way));
                let connection = ClientConnection {
                    listener: self.name,
                    stream,
                    address,
                    under_way,
                    telemetry: self.telemetry.clone(),
                    refused: self.refused.clone(),
                };
                connections.spawn(connection.serve(http.clone(), routes.clone(), stop.clone()));
            } else {
                // Closed immediately: a client left in the queue would wait for an answer that may never come.
                drop(stream);
                self.refused(&mut full);
            }
        }
        drop(incoming);
        let all_ended = async {
            while let Some(ended) = connections.join_next().await {
                self.note(ended);
            }
        };
        if timeout(self.stop_grace, all_ended).await.is_err() {
            tracing::warn!(listener = self.name, "answers that did not finish in time are cut off");
        }
    }

    /// HTTP/1.1 only: proxies use it for their upstreams, and a single HTTP/2 connection without TLS could carry any
    /// number of requests.
    fn http(&self) -> http1::Builder {
        let EdgeConfig { header_timeout, max_header_bytes, .. } = self.edge;
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(header_timeout);
        http.max_buf_size(max_header_bytes);
        http
    }

    /// A panic in a handler is answered, so one that ends a connection comes from the server itself.
    fn note(&self, ended: Result<(), JoinError>) {
        if ended.is_err_and(|error| error.is_panic()) {
            tracing::error!(listener = self.name, "a connection panicked");
        }
    }

    fn refused(&self, full: &mut Episode) {
        self.telemetry.connection_refused(self.name);
        if full.begins(Instant::now()) {
            tracing::warn!(
                listener = self.name,
                max_connections = self.max_connections,
                "connections are refused at the maximum number; connector_host_connections_refused_total counts them"
            );
        }
    }
}

/// One connection.
struct ClientConnection {
    listener: &'static str,
    stream: Stalling,
    /// The address of the client.
    address: Option<IpAddr>,
    /// Has a weak reference for each answer in progress.
    under_way: Arc<()>,
    telemetry: Telemetry,
    refused: RefusedLog,
}

impl ClientConnection {
    /// Serves the connection; after `stop`, only until the answer in progress has ended.
    async fn serve(self, http: http1::Builder, routes: Router, stop: CancellationToken) {
        let Self { listener, stream, address, under_way, telemetry, refused } = self;
        let routes = TowerToHyperService::new(routes);
        let answering = service_fn(|mut request: Request<Streamed>| {
            request.extensions_mut().insert(ClientAddress(address));
            let under_way = Arc::downgrade(&under_way);
            let answer = routes.call(request);
            async move {
                // Kept by the body until all of it has been passed on.
                let held = move |error| {
                    let _under_way = &under_way;
                    error
                };
                answer.await.map(|response| response.map(|body| Body::new(body.map_err(held))))
            }
        });
        let mut connection = pin!(http.serve_connection(TokioIo::new(stream), answering));
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = stop.cancelled() => {
                // An incomplete head would otherwise delay the stop.
                if Arc::weak_count(&under_way) == 0 {
                    return;
                }
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        match ended {
            Ok(()) => {}
            // Answered by hyper before there is a request with an id.
            Err(error) if error.is_parse() => {
                telemetry.call_refused("unreadable");
                if refused.permits(&CallSource::of(address)) {
                    tracing::info!(listener, %error, "a request cannot be read");
                }
            }
            Err(error) => tracing::debug!(listener, %error, "a connection ended early"),
        }
    }
}
