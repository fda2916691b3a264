//! The HTTP server: accepts connections and passes each request through faults and routes.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::call::Received;
use crate::clock::http_date;
use crate::control;
use crate::faults::Ending;
use crate::project::Project;
use crate::refusal::RequestExcerpt;
use crate::reply::Reply;
use crate::routes;
use crate::shared::Shared;

/// Why a connection ends without an answer.
#[derive(Debug, thiserror::Error)]
enum ConnectionEnd {
    #[error("closed by a planned fault")]
    Reset,
    #[error("the request did not arrive completely: {0}")]
    Request(#[from] hyper::Error),
}

/// Serves until dropped, which also closes every connection.
pub(crate) async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // A connection that fails before it is accepted can be ignored.
                let Ok((stream, peer)) = accepted else { continue };
                let (tls, shared) = (tls.clone(), shared.clone());
                connections.spawn(async move {
                    match tls {
                        None => converse(stream, peer, shared).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                converse(stream, peer, shared).await;
                            }
                        }
                    }
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin>(stream: S, peer: SocketAddr, shared: Arc<Shared>) {
    let service = service_fn(|request| answer(request, peer, &shared));
    // An error here means that the client disconnected or that a fault was planned.
    let _ =
        http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(
    request: Request<Incoming>,
    peer: SocketAddr,
    shared: &Shared,
) -> Result<Response<Full<Bytes>>, ConnectionEnd> {
    let (parts, body) = request.into_parts();
    let bytes = body.collect().await?.to_bytes();
    let now = shared.clock().now();
    let received = Received::new(now, &parts.method, &parts.uri, &parts.headers, bytes);
    if received.path.starts_with(control::PREFIX) {
        return Ok(response(control::run(shared, &received), now));
    }
    let ending = carry_out(shared, &received, peer);
    shared.remember(received);
    shared.notify_changed();
    match ending {
        Ending::Reply(reply) => Ok(response(reply, now)),
        Ending::Hang => std::future::pending().await,
        Ending::Reset => Err(ConnectionEnd::Reset),
    }
}

fn carry_out(shared: &Shared, received: &Received, peer: SocketAddr) -> Ending {
    let fault = shared.fault(&received.method, &received.path);
    let kind = shared.keys.kind(received);
    let key = received.key().unwrap_or_default();
    let key_id: String = key.chars().take(8).collect();
    let (ip, body) = (peer.ip().to_string(), String::from_utf8_lossy(&received.bytes));
    let told = RequestExcerpt {
        path: &received.path,
        ip: &ip,
        headers: &received.headers,
        body: &body,
        key_id: &key_id,
    };
    let run = |project: &mut Project| {
        let answer = routes::run(project, received, kind, key);
        answer.unwrap_or_else(|refusal| refusal.reply(&project.switches, &told))
    };
    shared.with(|project| match fault {
        None => Ending::Reply(run(project)),
        Some(fault) => {
            if fault.after_write() {
                run(project);
            }
            fault.ending(project, &told, project.now)
        }
    })
}

/// Builds the HTTP response. `Date` also follows the stand-in's clock, since clients may compare `Retry-After` with it.
fn response(reply: Reply, now: Timestamp) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(reply.body));
    *response.status_mut() = reply.status;
    let headers = response.headers_mut();
    for (name, value) in [
        ("content-type", reply.content_type),
        ("vary", "Origin,Accept-Encoding"),
        ("request-time", "3"),
        ("server", "iterable-ingress 0000"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    for (name, value) in reply.headers.into_iter().chain(http_date(now).map(|date| ("date", date))) {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
    response
}
