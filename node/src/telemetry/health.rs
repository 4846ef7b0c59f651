//! `/metrics`, `/healthz` and `/readyz` over HTTP, for a scraper and probes inside the closed zone.
//!
//! Ready means that the role could serve a request now, so the answer is computed when asked. A node is ready while it
//! can serve one of its bodies: those it cannot are named behind `ready`, and counted by a metric of their own, so
//! that one body's keys never take the others out of service. Deliberately absent: anything that changes state, and
//! anything about a person or a request.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::telemetry::metrics::Metrics;

/// Says whether the role could serve now, in words for operators: what it serves without, a line each, or what is
/// missing.
pub type Readiness = Arc<dyn Fn() -> Result<Vec<String>, String> + Send + Sync>;

#[derive(Clone)]
struct Exposed {
    metrics: Metrics,
    readiness: Readiness,
}

/// Serves until `stop` changes. Returns the bound address at once; the server runs on.
pub async fn serve(
    address: SocketAddr,
    metrics: Metrics,
    readiness: Readiness,
    mut stop: watch::Receiver<bool>,
) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind(address).await?;
    let bound = listener.local_addr()?;
    let router = Router::new()
        .route("/metrics", get(metrics_page))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready_page))
        .with_state(Exposed { metrics, readiness });
    tokio::spawn(async move {
        let stopped = async move {
            let _ = stop.wait_for(|stop| *stop).await;
        };
        if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stopped).await {
            tracing::error!(%error, "metrics endpoint ended");
        }
    });
    Ok(bound)
}

async fn metrics_page(State(exposed): State<Exposed>) -> (StatusCode, String) {
    exposed.metrics.ready.set(if (exposed.readiness)().is_ok() { 1.0 } else { 0.0 });
    match exposed.metrics.render() {
        Ok(text) => (StatusCode::OK, text),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}

async fn ready_page(State(exposed): State<Exposed>) -> (StatusCode, String) {
    match (exposed.readiness)() {
        Ok(without) => (
            StatusCode::OK,
            ["ready".into()].into_iter().chain(without).map(|line: String| line + "\n").collect(),
        ),
        Err(missing) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {missing}\n")),
    }
}
