//! What the figures of a run depend on, told with them.

use std::fs;

/// One line: processors, kernel, load when the run began, and whether this build means anything.
pub fn describe() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let build = if cfg!(debug_assertions) {
        "built WITHOUT optimisation: these figures mean nothing"
    } else {
        "optimised build"
    };
    format!(
        "{cores} × {}, Linux {}, load average {} at the start, {build}",
        processor().unwrap_or_else(|| "unknown processor".into()),
        first_word("/proc/sys/kernel/osrelease"),
        first_word("/proc/loadavg"),
    )
}

fn processor() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn first_word(path: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().next().unwrap_or("unknown").to_owned()
}

/// Nanoseconds that a process has spent on a processor, threads that have ended included; `None` where there is no
/// such process. Counted in steps of 10 ms.
pub fn cpu_ns(process: u32) -> Option<u64> {
    spent(&fs::read_to_string(format!("/proc/{process}/stat")).ok()?)
}

/// User and system time, the 14th and 15th field of proc_pid_stat(5). The kernel shows hundredths of a second.
fn spent(stat: &str) -> Option<u64> {
    // The second field is the program's name in parentheses, which may hold anything.
    let (_, behind_name) = stat.rsplit_once(')')?;
    let mut times = behind_name.split_whitespace().skip(11).map(str::parse::<u64>);
    let (user, system) = (times.next()?.ok()?, times.next()?.ok()?);
    Some((user + system).saturating_mul(10_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_read_behind_any_name() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194560 100 0 0 0 150 25 0 0 20 0 3 0 100 1000 10";
        assert_eq!(spent(stat), Some(1_750_000_000));
        assert_eq!(spent("7 (short) S 1"), None);
        assert!(cpu_ns(std::process::id()).is_some());
    }
}
