//! Serving at one address until it is told to stop.

use std::{future::IntoFuture, time::Duration};

use axum::Router;
use tokio::{net::TcpListener, sync::watch};

/// How long an answer under way may take once the service stops: as long as a proxy in front would wait.
const GRACE: Duration = Duration::from_secs(30);

/// Serves `routes`. Once it stops, nobody new is let in, and who is in gets an answer.
pub(super) async fn serve(listener: TcpListener, routes: Router, stopping: watch::Receiver<bool>) {
    let too_late = too_late(stopping.clone());
    let served = axum::serve(listener, routes).with_graceful_shutdown(until(stopping));
    tokio::select! {
        ended = served.into_future() => {
            if let Err(error) = ended {
                tracing::error!(%error, "no longer served");
            }
        }
        () = too_late => {}
    }
}

async fn too_late(stopping: watch::Receiver<bool>) {
    until(stopping).await;
    tokio::time::sleep(GRACE).await;
}

async fn until(mut stopping: watch::Receiver<bool>) {
    // Fails only where nobody can say so any more.
    let _gone = stopping.wait_for(|stopping| *stopping).await;
}
