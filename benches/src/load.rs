//! Load with a fixed number of requests in flight: each worker asks again as soon as it is answered.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::stats::quantile;
use crate::{Failure, machine};

/// One round.
pub struct Round {
    /// Answered requests.
    pub requests: f64,
    /// Answered requests per second.
    pub per_second: f64,
    /// Half the requests took less, microseconds.
    pub p50_us: f64,
    /// One request in a hundred took more, microseconds.
    pub p99_us: f64,
    /// Processor time of each process for one request, microseconds; none where the kernel does not count it.
    pub cpu_us: Option<Vec<f64>>,
    /// Requests for each sync of the node's journal, where there is one.
    pub per_sync: Option<f64>,
}

/// Runs `ask` with `in_flight` requests at once for `time`; each gets a number of its own. `processes` are
/// those that take part.
pub async fn run<F, W>(
    in_flight: usize,
    time: Duration,
    processes: Vec<u32>,
    ask: F,
) -> Result<Round, Failure>
where
    F: Fn(u64) -> W + Send + Sync + 'static,
    W: Future<Output = Result<(), Failure>> + Send,
{
    let (ask, numbers) = (Arc::new(ask), Arc::new(AtomicU64::new(0)));
    let spent_before = spent(&processes);
    let began = Instant::now();
    let mut workers = JoinSet::new();
    for _ in 0..in_flight {
        let (ask, numbers) = (Arc::clone(&ask), Arc::clone(&numbers));
        workers.spawn(async move {
            let mut taken = Vec::new();
            while began.elapsed() < time {
                let asked = Instant::now();
                ask(numbers.fetch_add(1, Ordering::Relaxed)).await?;
                taken.push(asked.elapsed().as_secs_f64() * 1e6);
            }
            Ok::<_, Failure>(taken)
        });
    }
    let mut latencies = Vec::new();
    while let Some(worker) = workers.join_next().await {
        latencies.extend(worker??);
    }
    let seconds = began.elapsed().as_secs_f64();
    let requests = latencies.len() as f64;
    let cpu_us = spent_before.zip(spent(&processes)).map(|(before, after)| {
        let each = |(before, after): (u64, u64)| after.saturating_sub(before) as f64 / 1e3 / requests;
        before.into_iter().zip(after).map(each).collect()
    });
    latencies.sort_by(f64::total_cmp);
    Ok(Round {
        requests,
        per_second: requests / seconds,
        p50_us: quantile(&latencies, 0.5).ok_or("no request was answered")?,
        p99_us: quantile(&latencies, 0.99).ok_or("no request was answered")?,
        cpu_us,
        per_sync: None,
    })
}

fn spent(processes: &[u32]) -> Option<Vec<u64>> {
    processes.iter().map(|&process| machine::cpu_ns(process)).collect()
}
