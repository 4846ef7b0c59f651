//! How fast rows are removed: so many a second, all bodies of the node together, and a quarter of it while requests are
//! in work.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

/// How much longer a row takes while requests are in work.
const GIVING_WAY: u32 = 4;

/// The pace of one node. Bodies take turns in the order in which they ask.
pub struct Pace {
    row: Duration,
    free: Mutex<Option<Instant>>,
}

impl Pace {
    /// At most `rows_per_second`, at least one.
    pub fn new(rows_per_second: u32) -> Self {
        Self { row: Duration::from_secs(1) / rows_per_second.max(1), free: Mutex::new(None) }
    }

    /// Books `rows` that are about to be removed, and says how long to wait before.
    pub async fn book(&self, rows: usize, busy: bool) -> Duration {
        let rows = u32::try_from(rows).unwrap_or(u32::MAX);
        let takes = self.row.saturating_mul(rows).saturating_mul(if busy { GIVING_WAY } else { 1 });
        let now = Instant::now();
        let mut free = self.free.lock().await;
        let begin = free.map_or(now, |free| free.max(now));
        *free = Some(begin + takes);
        begin - now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn rows_are_removed_at_the_pace_and_at_a_quarter_of_it_beside_requests() {
        let pace = Pace::new(1_000);
        let wait = async |rows, busy| pace.book(rows, busy).await.as_millis();
        assert_eq!(wait(500, false).await, 0, "the first goes at once");
        assert_eq!(wait(500, true).await, 500);
        assert_eq!(wait(1, false).await, 2_500);
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(wait(1, false).await, 0, "nothing is saved up, and nothing owed for ever");
        assert_eq!(wait(1, false).await, 1);
    }
}
