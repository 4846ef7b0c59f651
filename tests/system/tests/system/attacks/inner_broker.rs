//! The real broker within this process, so that its faults can be armed.

use std::sync::Arc;

use chukei_harness::role::Role;
use chukei_node::broker::faults::BrokerFaults;
use chukei_node::broker::{BrokerError, run_with_faults};
use chukei_node::config::broker::BrokerConfig;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::rig::Rig;

/// A running broker. Dropped, it stops.
pub(crate) struct InnerBroker {
    pub(crate) faults: Arc<BrokerFaults>,
    runtime: Handle,
    stop: watch::Sender<bool>,
    running: Option<JoinHandle<Result<(), BrokerError>>>,
}

impl InnerBroker {
    /// Takes the place of the broker, which must have stopped.
    pub(crate) fn start(rig: &Rig) -> Self {
        let config = BrokerConfig::load(&rig.layout().config(Role::Broker)).unwrap();
        rig.wait_for_brokers_port();
        let faults = Arc::new(BrokerFaults::default());
        let (stop, stopping) = watch::channel(false);
        let running = Some(rig.runtime.spawn(run_with_faults(config, stopping, Arc::clone(&faults))));
        Self { faults, runtime: rig.runtime.handle().clone(), stop, running }
    }
}

impl Drop for InnerBroker {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        if let Some(running) = self.running.take() {
            let ended = self.runtime.block_on(running);
            assert!(std::thread::panicking() || matches!(ended, Ok(Ok(()))), "{ended:?}");
        }
    }
}
