//! What keeps the queues durable and counted: a duty of each body, and the gauges of the node.

use std::sync::Arc;
use std::time::Duration;

use crate::app::Node;
use crate::hosted::HostedBody;
use crate::telemetry::duty::Duty;

/// What is found within this time is written together.
const GATHER: Duration = Duration::from_millis(100);
/// How often operations of items that are open anyway are written.
const LEISURE: Duration = Duration::from_secs(10);
/// Pause after a write that failed.
const AGAIN: Duration = Duration::from_secs(1);

/// Writes what one body's queue finds until the node stops.
pub async fn run(node: Arc<Node>, body: Arc<HostedBody>) {
    let mut duty = Duty::new("review", body.code(), &node.metrics);
    loop {
        let woken = tokio::time::timeout(LEISURE, body.reviews().wake.notified());
        tokio::select! {
            _ = woken => {}
            () = stopping(&node) => return,
        }
        if !node.sleep(GATHER).await {
            return;
        }
        if body.gate().pass().is_err() {
            body.reviews().wake.notify_one();
            if !node.sleep(AGAIN).await {
                return;
            }
            continue;
        }
        match body.reviews().settle(&body, &node.actor(), node.clock.now_ms()).await {
            Ok(()) => drop(duty.done()),
            Err(error) => {
                duty.failed(&error);
                body.reviews().wake.notify_one();
                if !node.sleep(AGAIN).await {
                    return;
                }
            }
        }
    }
}

async fn stopping(node: &Node) {
    let _ = node.stopping().wait_for(|stopping| *stopping).await;
}

/// Writes what every queue holds, before the node ends.
pub async fn settle_all(node: &Node) {
    for body in node.bodies.iter() {
        if let Err(error) = body.reviews().settle(&body, &node.actor(), node.clock.now_ms()).await {
            tracing::warn!(body = %body.code(), %error, "the last of the review queue is not written");
        }
    }
}

/// Sets the gauges: all bodies together.
pub fn show(node: &Node) {
    let (days, now_ms) = (node.review.days, node.clock.now_ms());
    let counts = node.bodies.iter().map(|body| body.reviews().counts(days, now_ms));
    let [open, overdue] = counts.fold([0, 0], |[a, b], [open, overdue]| [a + open, b + overdue]);
    for (gauge, count) in [(&node.metrics.reviews_open, open), (&node.metrics.reviews_overdue, overdue)] {
        gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
    }
}
