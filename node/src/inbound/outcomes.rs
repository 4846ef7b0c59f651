//! Outcomes of a body's requests on their way into its log: those that it refused are queued again.
//!
//! What must hold: it goes on until each is durable, also while the node stops; what is left then is closed by the next start.
//! Nobody waits for it.

use std::sync::Arc;
use std::time::Duration;

use crate::app::Node;
use crate::hosted::HostedBody;
use crate::telemetry::duty::Duty;

/// How long outcomes are left to become durable before it is looked, and between two tries.
const PAUSE: Duration = Duration::from_millis(250);

/// Looks after the outcomes of one body for as long as the body is served here.
pub async fn run(node: Arc<Node>, body: Arc<HostedBody>) {
    let log = body.audit();
    let mut duty = Duty::new("outcomes", body.code(), &node.metrics);
    loop {
        log.some_ended().await;
        loop {
            tokio::time::sleep(PAUSE).await;
            let settled = log.settle(node.clock.now_ms());
            match settled.refused {
                Some(error) => drop(duty.failed(&error)),
                None if settled.left == 0 => drop(duty.done()),
                None => {}
            }
            if settled.left == 0 {
                break;
            }
        }
    }
}
