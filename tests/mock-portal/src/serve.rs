//! `serve`: portal, socket and metrics until SIGINT or SIGTERM, then an orderly end.

use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::config::Settings;
use crate::portal::{Portal, StartError};
use crate::socket::bind::Socket;
use crate::socket::server;
use crate::{expiry, health, renewal};

/// Runs until a signal comes.
pub(crate) async fn run(settings: &Settings) -> Result<(), StartError> {
    let portal = Arc::new(Portal::start(settings).await?);
    let (stop, stopped) = watch::channel(false);
    expiry::start(Arc::clone(portal.core()), stopped.clone()).await;
    // Before anybody is told that it is ready: callers who are early wait at the socket.
    let socket = Socket::bind(&settings.socket)
        .map_err(|error| StartError::Listen(settings.socket.display().to_string(), error))?;
    let metrics = settings.listen.metrics;
    health::serve(metrics, Arc::clone(&portal), stopped.clone())
        .await
        .map_err(|error| StartError::Listen(metrics.to_string(), error))?;
    tokio::spawn(renewal::run(Arc::clone(portal.core()), Arc::clone(portal.links()), stopped.clone()));
    tracing::info!(portal = %settings.name, %metrics, "serving");
    let calls = tokio::spawn(server::serve(socket, Arc::clone(&portal), stopped));
    signalled().await.map_err(|error| StartError::Listen("signals".to_owned(), error))?;
    tracing::info!("stopping");
    stop.send_replace(true);
    // A panic in the accept loop has been logged; there is nothing left to stop then.
    let _ = calls.await;
    portal.shutdown().await;
    Ok(())
}

async fn signalled() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
