//! Load with a fixed number of requests in flight: each worker asks again as soon as it is answered.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::stats::quantile;
use crate::{Failure, machine};

/// Over which time it is looked whether a process is at rest, and when it must be.
const REST_LOOK: Duration = Duration::from_millis(100);
const REST_WITHIN: Duration = Duration::from_secs(30);

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

/// A round of this process, its processor time counted until it has done what the round left it to do; at rest before.
pub async fn until_rest(round: impl Future<Output = Result<Round, Failure>>) -> Result<Round, Failure> {
    let this = [std::process::id()];
    rest(&this).await?;
    let before = spent(&this);
    let mut round = round.await?;
    rest(&this).await?;
    let taken = before.zip(spent(&this)).and_then(|(before, after)| {
        Some(after.first()?.saturating_sub(*before.first()?) as f64 / 1e3 / round.requests)
    });
    round.cpu_us = taken.map(|taken| vec![taken]);
    Ok(round)
}

/// Waits until the processes take less than a twentieth of a processor.
async fn rest(processes: &[u32]) -> Result<(), Failure> {
    let began = Instant::now();
    while began.elapsed() < REST_WITHIN {
        let before = spent(processes);
        tokio::time::sleep(REST_LOOK).await;
        let Some((before, after)) = before.zip(spent(processes)) else { return Ok(()) };
        let taken: u64 = after.iter().zip(&before).map(|(after, before)| after.saturating_sub(*before)).sum();
        if u128::from(taken) * 20 < REST_LOOK.as_nanos() {
            return Ok(());
        }
    }
    Err("the process does not come to rest".into())
}

fn spent(processes: &[u32]) -> Option<Vec<u64>> {
    processes.iter().map(|&process| machine::cpu_ns(process)).collect()
}
