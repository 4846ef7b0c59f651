//! The time that brokers vouch for: asked over each connection, judged by the rules of the domain.
//!
//! What must hold: no day ends by this node's clock alone, nor by one broker's word; clocks that are far apart, twice
//! on end, are an alarm. Each body remembers for itself what was witnessed, see `expiry`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chukei_domain::day::day_of;
use chukei_domain::witness::{Heard, WitnessedTime};
use chukei_relay_client::witness::time_at;
use tokio::time::Instant;

use crate::app::Node;

/// How often brokers are asked.
const ASK: Duration = Duration::from_secs(1);

/// What this process knows of the time elsewhere.
pub struct Witness {
    time: Mutex<WitnessedTime>,
    begun: Instant,
}

impl Witness {
    /// Nothing heard yet of these brokers.
    pub fn new(brokers: impl IntoIterator<Item = String>) -> Self {
        Self { time: Mutex::new(WitnessedTime::new(brokers)), begun: Instant::now() }
    }

    /// Takes a broker's word, told at `local_ms` by the local clock.
    pub fn hear(&self, broker: &str, told_ms: u64, local_ms: u64) -> Heard {
        let at = self.begun.elapsed();
        self.time.lock().unwrap_or_else(PoisonError::into_inner).hear(broker, told_ms, local_ms, at)
    }

    /// The last witnessed time, Unix milliseconds; `None` before every broker was heard.
    pub fn witnessed_ms(&self) -> Option<u64> {
        self.time.lock().unwrap_or_else(PoisonError::into_inner).witnessed_ms()
    }

    /// The day in Japan for what is made now: never one that only the local clock has reached.
    pub fn day(&self, local_ms: u64) -> Option<u32> {
        Some(day_of(local_ms.min(self.witnessed_ms()?)))
    }
}

/// Words of one broker that are far off, one after the other.
#[derive(Default)]
struct Apart {
    heard: Option<Heard>,
    alarmed: bool,
}

impl Apart {
    /// Whether this word makes it an alarm: the second on end, and only once.
    fn is_alarm(&mut self, heard: Heard) -> bool {
        let again = self.heard.replace(heard) == Some(heard);
        if heard == Heard::Agrees || !again {
            self.alarmed = false;
            return false;
        }
        !std::mem::replace(&mut self.alarmed, true)
    }
}

/// Asks every broker until the node stops.
pub async fn run(node: Arc<Node>) {
    let mut apart: HashMap<String, Apart> = HashMap::new();
    while node.sleep(ASK).await {
        for broker in node.brokers() {
            let name = broker.identity().name();
            let told_ms = match time_at(&broker, node.clock.now_ms()).await {
                Ok(told_ms) => told_ms,
                Err(error) => {
                    tracing::debug!(broker = name, %error, "the time was not told");
                    continue;
                }
            };
            let local_ms = node.clock.now_ms();
            let heard = node.witness.hear(name, told_ms, local_ms);
            let seconds = (local_ms as f64 - told_ms as f64) / 1_000.0;
            node.metrics.clock_apart_seconds.with_label_values(&[name]).set(seconds);
            if apart.entry(name.to_owned()).or_default().is_alarm(heard) {
                node.metrics.clock_alarms.with_label_values(&[heard.as_str()]).inc();
                tracing::error!(
                    broker = name,
                    seconds,
                    "clocks are apart: the broker is {}, or this machine's clock has jumped; no day ends by one of them",
                    heard.as_str()
                );
            }
        }
        if let Some(witnessed_ms) = node.witness.witnessed_ms() {
            node.metrics.witnessed_seconds.set(witnessed_ms as f64 / 1_000.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_word_on_end_is_an_alarm_and_the_third_is_not_another() {
        use Heard::{Agrees, Ahead, Behind};
        let mut apart = Apart::default();
        let alarms: Vec<bool> =
            [Agrees, Behind, Agrees, Behind, Behind, Behind, Ahead, Ahead, Agrees, Ahead, Ahead]
                .into_iter()
                .map(|heard| apart.is_alarm(heard))
                .collect();
        let at = |wanted: &[usize]| (0..11).map(|index| wanted.contains(&index)).collect::<Vec<_>>();
        assert_eq!(alarms, at(&[4, 7, 10]));
    }

    #[test]
    fn no_day_that_only_the_local_clock_has_reached() {
        let witness = Witness::new(["broker-a".to_owned()]);
        let now = 1_795_219_200_000;
        assert_eq!(witness.day(now), None);
        witness.hear("broker-a", now, now);
        assert_eq!(witness.day(now), Some(day_of(now)));
        assert_eq!(witness.day(now + 40 * 86_400_000), Some(day_of(now)));
        assert_eq!(witness.day(now - 86_400_000), Some(day_of(now) - 1));
    }
}
