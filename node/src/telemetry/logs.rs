//! Structured logs on stderr, one JSON object per line. Standard output belongs to the tools.

use tracing_subscriber::EnvFilter;

/// Starts logging at `info`, or as `CHUKEI_LOG` says. A second call changes nothing.
pub fn start() {
    let filter = EnvFilter::try_from_env("CHUKEI_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // An embedding program may have installed its own subscriber; that one then stands.
    let _ = subscriber.try_init();
}
