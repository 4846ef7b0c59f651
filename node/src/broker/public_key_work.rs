//! Public-key work of announcements and acquisitions: off the threads that relay, at most one piece per core.

use std::num::NonZero;
use std::sync::Arc;

use tokio::sync::Semaphore;

/// The work was not done: the role is stopping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("interrupted")]
pub(super) struct Interrupted;

/// Bounds the work of the whole role.
#[derive(Clone)]
pub(super) struct PublicKeyWork {
    at_once: Arc<Semaphore>,
    cores: usize,
}

impl PublicKeyWork {
    pub(super) fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self { at_once: Arc::new(Semaphore::new(cores)), cores }
    }

    /// Runs `piece` on a thread of its own once there is room.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        piece: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Interrupted> {
        let room = self.at_once.clone().acquire_owned().await.map_err(|_| Interrupted)?;
        let working = tokio::task::spawn_blocking(move || {
            let _room = room;
            piece()
        });
        working.await.map_err(|_| Interrupted)
    }

    /// Applies `each` to every item, spread over the cores; results in the order of the items.
    pub(super) async fn map<I, O>(
        &self,
        items: Vec<I>,
        each: impl Fn(I) -> O + Clone + Send + 'static,
    ) -> Result<Vec<O>, Interrupted>
    where
        I: Send + 'static,
        O: Send + 'static,
    {
        let mut results = Vec::with_capacity(items.len());
        let share = items.len().div_ceil(self.cores).max(1);
        let mut items = items.into_iter();
        let mut shares = tokio::task::JoinSet::new();
        for number in 0..self.cores {
            let part: Vec<I> = items.by_ref().take(share).collect();
            let (work, each) = (self.clone(), each.clone());
            shares.spawn(async move {
                let done = work.run(move || part.into_iter().map(each).collect::<Vec<O>>()).await;
                (number, done)
            });
        }
        let mut done = shares.join_all().await;
        done.sort_by_key(|(number, _)| *number);
        for (_, part) in done {
            results.append(&mut part?);
        }
        Ok(results)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn r32_results_stand_in_the_order_of_the_items() {
        let work = PublicKeyWork::new();
        for count in [0_u64, 1, 2, 3, 255, 256] {
            let doubled = work.map((0..count).collect(), |item| item * 2).await.unwrap();
            assert_eq!(doubled, (0..count).map(|item| item * 2).collect::<Vec<_>>());
        }
    }
}
