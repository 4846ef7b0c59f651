//! `/metrics`, `/healthz` and `/readyz` over HTTP, inside the closed zone.
//!
//! Ready means that a request could be served now: a broker is connected and the store answers.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::portal::Portal;

/// Binds `address` at once and serves until `stop` changes.
pub(crate) async fn serve(
    address: SocketAddr,
    portal: Arc<Portal>,
    mut stop: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    let router = Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .with_state(portal);
    tokio::spawn(async move {
        let stopped = async move {
            // A dropped sender stops it as well.
            let _ = stop.wait_for(|stop| *stop).await;
        };
        if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stopped).await {
            tracing::error!(%error, "metrics endpoint ended");
        }
    });
    Ok(())
}

async fn metrics(State(portal): State<Arc<Portal>>) -> (StatusCode, String) {
    portal.observe().await;
    match portal.metrics().render() {
        Ok(text) => (StatusCode::OK, text),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}

async fn ready(State(portal): State<Arc<Portal>>) -> (StatusCode, String) {
    match portal.ready().await {
        Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
        Err(missing) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {missing}\n")),
    }
}
