//! Pauses between attempts: longer each time, and never the same for two who collided.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(4);
const LONGEST: Duration = Duration::from_millis(100);

/// Attempts so far.
#[derive(Default)]
pub(crate) struct Backoff(u32);

impl Backoff {
    /// Waits before the next attempt.
    pub(crate) async fn wait(&mut self) {
        tokio::time::sleep(self.next()).await;
    }

    fn next(&mut self) -> Duration {
        let whole = FIRST.saturating_mul(1 << self.0.min(8)).min(LONGEST);
        self.0 += 1;
        // A fresh hasher's keys are random: enough to keep two apart.
        let share = RandomState::new().hash_one(self.0) % 512;
        whole / 2 + whole.mul_f64(share as f64 / 1024.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Backoff, FIRST, LONGEST};

    #[test]
    fn postgres_backoff_grows_to_a_bound() {
        let mut backoff = Backoff::default();
        let pauses: Vec<_> = (0..40).map(|_| backoff.next()).collect();
        assert!(pauses[0] >= FIRST / 2 && pauses[0] <= FIRST);
        assert!(pauses[10..].iter().all(|pause| *pause >= LONGEST / 2 && *pause <= LONGEST));
    }
}
