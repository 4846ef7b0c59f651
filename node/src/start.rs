//! What both roles do at start and stop.

use std::sync::Arc;

use chukei_keys::process::{self, MemoryLock, ProcessSettings};
use chukei_relay_client::peers::PeerListError;
use chukei_store::StoreError;
use chukei_store::journal::{JournalError, JournalOptions, SyncObserver, SyncReport};

use crate::config::log_disk::LogDiskRules;
use crate::platform::PlatformFault;
use crate::telemetry::metrics::Metrics;

/// Why a role does not start: a stable code, and what to know to mend it.
#[derive(Debug, thiserror::Error)]
#[error("{code}: {message}")]
pub struct StartError {
    code: &'static str,
    message: String,
}

impl StartError {
    /// A failure under this code.
    pub fn new(code: &'static str, message: &dyn std::fmt::Display) -> Self {
        Self { code, message: message.to_string() }
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// The peer list is not what its root signed, or is out of date (R24).
    pub fn peers(error: &PeerListError) -> Self {
        let code = if matches!(error, PeerListError::Tampered) { "CONFIG_TAMPERED" } else { "NOT_READY" };
        Self::new(code, &format!("peer list: {error}; have it signed anew by its root"))
    }

    /// The platform register is not what its root signed, or cannot be read (R24).
    pub fn platform(fault: &PlatformFault) -> Self {
        let code = if fault.is_tampering() { "CONFIG_TAMPERED" } else { "NOT_READY" };
        Self::new(code, &format!("{fault}; have it signed anew by its root"))
    }

    /// The data folder cannot be used.
    pub fn store(error: &StoreError) -> Self {
        Self::new(error.code(), &format!("data folder: {error}"))
    }

    /// The journal cannot be used.
    pub fn journal(error: &JournalError) -> Self {
        Self::new(error.code(), &format!("journal: {error}"))
    }
}

/// Before any key is read.
pub fn protect(settings: ProcessSettings) -> Result<(), StartError> {
    match process::protect(settings) {
        Ok(MemoryLock::NotPermitted) => {
            tracing::warn!(
                "memory may be swapped out: give the process CAP_IPC_LOCK or lift its RLIMIT_MEMLOCK"
            );
            Ok(())
        }
        Ok(lock) => {
            tracing::info!(?lock, core_dumps = settings.core_dumps, "process protected");
            Ok(())
        }
        Err(error) => Err(StartError::new("NOT_READY", &error)),
    }
}

/// Journal options whose syncs are observed.
pub fn journal_options(metrics: &Metrics, disk: LogDiskRules) -> JournalOptions {
    let metrics = metrics.clone();
    let observe = move |report: &SyncReport| {
        metrics.journal_fsync_seconds.observe(report.seconds);
        let waiting = i64::try_from(report.waiting).unwrap_or(i64::MAX);
        metrics.queue_depth.with_label_values(&["journal"]).set(waiting);
    };
    let (segment_bytes, observer) = (disk.segment_bytes, Some(Arc::new(observe) as SyncObserver));
    JournalOptions { segment_bytes, observer, ..JournalOptions::default() }
}

/// Until SIGTERM or SIGINT.
pub async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("no signal handlers: the process ends only by being killed");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
}
