//! throwaway
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use chukei_store::{Journal, JournalError, JournalOptions};
fn main() {
    let mode = std::env::args().nth(1).unwrap_or("tasks".into());
    let workers: usize = std::env::args().nth(2).map_or(2, |a| a.parse().unwrap());
    for bodies in [1usize, 100, 1788] {
        for inflight in [1usize, 16, 64, 1024] {
        let dir = tempfile::tempdir_in("/var/tmp").unwrap();
        let syncs = Arc::new(AtomicU64::new(0)); let sync_ns = Arc::new(AtomicU64::new(0));
        let (s, n) = (syncs.clone(), sync_ns.clone());
        let options = JournalOptions { observer: Some(Arc::new(move |r| { s.fetch_add(1, Ordering::Relaxed); n.fetch_add((r.seconds*1e9) as u64, Ordering::Relaxed); })), ..Default::default() };
        let (journal, _) = Journal::open(dir.path(), options).unwrap();
        let journal = Arc::new(journal);
        let names: Arc<Vec<String>> = Arc::new((0..bodies).map(|i| format!("{:06}", 100000 + i)).collect());
        let rt = if workers == 1 { tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap() } else { tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build().unwrap() };
        let content = Arc::new(vec![7u8; 300]);
        let started = Instant::now();
        let cpu0 = cpu();
        let until = started + Duration::from_secs(2);
        let total = rt.block_on(async {
            let _ = &mode;
            let tasks: Vec<_> = (0..inflight).map(|t| {
                let (journal, names, content) = (journal.clone(), names.clone(), content.clone());
                tokio::spawn(async move {
                    let mut done = 0u64; let mut i = t;
                    while Instant::now() < until {
                        let len = 200 + (i * 37) % 100;
                        journal.append_sealed_with(&names[i % names.len()], 1, 1000, Some([1;16]), |_| Ok::<_, JournalError>(content[..len].to_vec())).await.unwrap();
                        i += 1024; if names.len() > 1 { i += 1; }
                        done += 1;
                    }
                    done
                })
            }).collect();
            let mut total = 0; for t in tasks { total += t.await.unwrap(); } total
        });
        let secs = started.elapsed().as_secs_f64();
        let k = syncs.load(Ordering::Relaxed);
        println!("bodies {bodies} inflight {inflight}: {:.0}/s, {} syncs, {:.1} per sync, {:.3} ms/sync, cpu {:.2} us/entry", total as f64 / secs, k, total as f64 / k as f64, sync_ns.load(Ordering::Relaxed) as f64 / 1e6 / k as f64, (cpu()-cpu0)*1e6/total as f64);
        }
    }
}
fn cpu() -> f64 {
    let s = std::fs::read_to_string("/proc/self/stat").unwrap();
    let f: Vec<&str> = s.rsplit(')').next().unwrap().split_whitespace().collect();
    (f[11].parse::<f64>().unwrap() + f[12].parse::<f64>().unwrap()) / 100.0
}
