//! Disks that fail under a body: nothing acknowledged is lost, what can be trusted is still read, the others serve on,
//! and when the disk is well again so is the body.
//!
//! The disks are real ones of a few megabytes, or real calls that strace lets fail. Each test starts itself again as
//! the process that this is done to; where the system does not allow it, that is said, and it fails where
//! `CHUKEI_REQUIRE_SERVICES` is set.

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use chukei_store::{
    Batch, DataFolder, Engine, Partition, RowKey, Space, SqliteOptions, StoreError, WriteFault,
};

const CHILD: &str = "CHUKEI_STORE_FAULTS_CHILD";

/// In the process that it is done to: the folder to do it in.
fn told() -> Option<PathBuf> {
    std::env::var_os(CHILD).map(PathBuf::from)
}

/// Starts the test anew as that process, behind the words of `before`.
fn run(test: &str, before: &[&str], dir: &Path) {
    let exe = std::env::current_exe().unwrap();
    let mut words = before.iter().map(|word| (*word).into()).collect::<Vec<std::ffi::OsString>>();
    words.push(exe.into());
    words.extend(["--exact", test, "--nocapture", "--test-threads=1"].map(Into::into));
    let output = Command::new(&words[0]).args(&words[1..]).env(CHILD, dir).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.contains("1 passed"), "{said}\n{complained}");
}

/// Whether a program of the system does what it should; if not, the test is skipped or fails.
fn can(words: &[&str]) -> bool {
    let output = Command::new(words[0]).args(&words[1..]).output();
    let can = output.is_ok_and(|output| output.status.success());
    if !can {
        assert!(std::env::var_os("CHUKEI_REQUIRE_SERVICES").is_none(), "{words:?} does not work here");
        eprintln!("SKIPPED: {words:?} does not work here");
    }
    can
}

/// Calls of this process on some files fail until this is dropped.
struct Failing(Child);

impl Failing {
    fn new(calls: &str, error: &str, files: &[PathBuf]) -> Self {
        let mut command = Command::new("strace");
        command.args(["-f", "-o", "/dev/null", "-p", &std::process::id().to_string()]);
        command.args(["-e", &format!("trace={calls}"), "-e", &format!("inject={calls}:error={error}")]);
        for file in files {
            command.arg("-P").arg(file);
        }
        let mut strace = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(strace.stderr.take().unwrap()).lines();
        let attached = said.any(|line| line.unwrap().contains("attached"));
        assert!(attached, "strace ended");
        // Read on, so that it never waits for its reader.
        std::thread::spawn(move || said.count());
        Self(strace)
    }
}

impl Drop for Failing {
    fn drop(&mut self) {
        Command::new("kill").args(["-INT", &self.0.id().to_string()]).status().unwrap();
        self.0.wait().unwrap();
    }
}

fn can_trace() -> bool {
    can(&["strace", "-o", "/dev/null", "-e", "inject=fsync:error=EIO", "true"])
}

fn key(number: u32) -> RowKey {
    RowKey::new(Space::Document).bytes(&number.to_be_bytes())
}

fn put(number: u32) -> Batch {
    Batch::new().put(key(number), [number.to_be_bytes().as_slice(), &[7; 60_000]].concat())
}

async fn holds(partition: &dyn Partition, number: u32) -> bool {
    let found = partition.get_many(&[key(number)]).await.unwrap().pop().unwrap();
    found.is_some_and(|row| row.value[..4] == number.to_be_bytes())
}

/// All of these rows and no other.
async fn check(partition: &dyn Partition, numbers: &[u32]) {
    for number in numbers {
        assert!(holds(partition, *number).await, "{number} was acknowledged");
    }
    let rows = partition.count(&RowKey::new(Space::Document)).await.unwrap();
    assert_eq!(rows, numbers.len() as u64, "what was refused is there");
}

fn engine(dir: &Path) -> Arc<dyn Engine> {
    DataFolder::open(dir).unwrap().sqlite(SqliteOptions::default())
}

/// Both files of a body.
fn files(dir: &Path, name: &str) -> Vec<PathBuf> {
    ["sqlite", "sqlite-wal"].map(|kind| dir.join(format!("bodies/{name}.{kind}"))).to_vec()
}

/// Writes until the disk is full, and gives what was acknowledged.
async fn fill(partition: &dyn Partition, from: u32) -> Vec<u32> {
    for number in from.. {
        match partition.apply(put(number)).await {
            Ok(()) => {}
            Err(StoreError::DiskFull) => return (from..number).collect(),
            Err(other) => panic!("{other}"),
        }
    }
    Vec::new()
}

#[tokio::test]
async fn sqlite_a_full_disk_refuses_writes_and_loses_nothing() {
    if let Some(dir) = told() {
        return on_a_small_disk(&dir).await;
    }
    let disk = tempfile::tempdir().unwrap();
    let mount = format!("mount -t tmpfs -o size=12m none {}", disk.path().display());
    if can(&["unshare", "-m", "sh", "-c", &mount]) {
        let test = "sqlite_faults::sqlite_a_full_disk_refuses_writes_and_loses_nothing";
        let then = format!("{mount} && exec \"$@\"");
        run(test, &["unshare", "-m", "sh", "-c", &then, "sh"], disk.path());
    }
}

async fn on_a_small_disk(disk: &Path) {
    let ballast = [disk.join("ballast-1"), disk.join("ballast-2")];
    for file in &ballast {
        fs::write(file, vec![0; 2 << 20]).unwrap();
    }
    let engine = engine(&disk.join("node"));
    let partition = engine.open("982016").await.unwrap();
    let other = engine.open("982024").await.unwrap();
    other.apply(put(1)).await.unwrap();

    let mut there = fill(&*partition, 0).await;
    assert!(there.len() > 10, "{}", there.len());
    assert_eq!(partition.fault(), Some(WriteFault::DiskFull));
    check(&*partition, &there).await;
    assert_eq!(partition.recover().await, Some(WriteFault::DiskFull), "it is still full");
    check(&*partition, &there).await;
    check(&*other, &[1]).await;

    // Space comes back: the body is well again when it is asked, or by the next batch.
    for (file, by_asking) in ballast.iter().zip([false, true]) {
        fs::remove_file(file).unwrap();
        if by_asking {
            assert_eq!(partition.recover().await, None);
            assert_eq!(partition.fault(), None);
        }
        let next = there.len() as u32;
        partition.apply(put(next)).await.unwrap();
        there.push(next);
        assert_eq!(partition.fault(), None);
        there.extend(fill(&*partition, there.len() as u32).await);
        check(&*partition, &there).await;
    }
    // Opened again without room to write its log into the file, it is read, waits for space, and has lost nothing.
    drop((partition, other));
    engine.remove("982024").await.unwrap();
    let partition = engine.open("982016").await.unwrap();
    check(&*partition, &there).await;
    let next = there.len() as u32;
    assert!(matches!(partition.apply(put(next)).await, Err(StoreError::DiskFull)));
    assert_eq!(partition.fault(), Some(WriteFault::DiskFull));
    let larger = Command::new("mount").args(["-o", "remount,size=48m"]).arg(disk).status().unwrap();
    assert!(larger.success());
    partition.apply(put(next)).await.unwrap();
    there.push(next);
    assert_eq!(partition.fault(), None);
    check(&*partition, &there).await;
}

#[tokio::test]
async fn sqlite_a_failing_fsync_stops_the_body_until_it_is_opened_anew() {
    let Some(dir) = told() else {
        let dir = tempfile::tempdir().unwrap();
        let test = "sqlite_faults::sqlite_a_failing_fsync_stops_the_body_until_it_is_opened_anew";
        if can_trace() {
            run(test, &["env"], dir.path());
        }
        return;
    };
    let engine = engine(&dir);
    let partition = engine.open("982016").await.unwrap();
    let other = engine.open("982024").await.unwrap();
    for number in 0..5 {
        partition.apply(put(number)).await.unwrap();
    }
    let failing = Failing::new("fsync,fdatasync", "EIO", &files(&dir, "982016"));
    assert!(matches!(partition.apply(put(5)).await, Err(StoreError::Stopped)));
    assert_eq!(partition.fault(), Some(WriteFault::Disk));
    assert!(matches!(partition.apply(put(6)).await, Err(StoreError::Stopped)));
    assert!(holds(&*partition, 4).await, "reads go on");
    assert_eq!(partition.recover().await, Some(WriteFault::Disk), "it fails still");
    assert!(holds(&*partition, 4).await, "reads go on");
    other.apply(put(1)).await.unwrap();
    assert_eq!(other.fault(), None);
    drop(failing);

    assert!(
        matches!(partition.apply(put(6)).await, Err(StoreError::Stopped)),
        "a good fsync now proves nothing"
    );
    assert_eq!(partition.recover().await, None);
    partition.apply(put(7)).await.unwrap();
    let epoch = partition.epoch();
    drop(partition);
    let failing = Failing::new("fsync,fdatasync", "EIO", &files(&dir, "982016"));
    assert!(engine.open("982016").await.is_err(), "an epoch that is not durable is none");
    drop(failing);
    let partition = engine.open("982016").await.unwrap();
    assert!(partition.epoch() > epoch);
    for number in [0, 1, 2, 3, 4, 7] {
        assert!(holds(&*partition, number).await, "{number} was acknowledged");
    }
    assert!(!holds(&*partition, 6).await, "what was refused without being tried is not there");
}

#[tokio::test]
async fn sqlite_a_read_only_disk_refuses_writes_and_is_read_on() {
    let Some(dir) = told() else {
        let dir = tempfile::tempdir().unwrap();
        let test = "sqlite_faults::sqlite_a_read_only_disk_refuses_writes_and_is_read_on";
        if can_trace() {
            run(test, &["env"], dir.path());
        }
        return;
    };
    let options = SqliteOptions { open_bodies: 1, ..SqliteOptions::default() };
    let engine = DataFolder::open(&dir).unwrap().sqlite(options);
    let partition = engine.open("982016").await.unwrap();
    let mut there: Vec<_> = (0..5).collect();
    for number in &there {
        partition.apply(put(*number)).await.unwrap();
    }
    let all: Vec<_> =
        [files(&dir, "982016"), files(&dir, "982024"), vec![dir.join("bodies/982016.probe")]].concat();
    for by_asking in [false, true] {
        let other = engine.open("982024").await.unwrap();
        other.apply(put(1)).await.unwrap();
        partition.usage().await.unwrap();
        let failing = Failing::new("pwrite64,ftruncate", "EROFS", &all);
        for _ in 0..2 {
            let refused = partition.apply(put(99)).await;
            assert!(matches!(refused, Err(StoreError::ReadOnly)), "{refused:?}");
            assert_eq!(partition.fault(), Some(WriteFault::ReadOnly));
            check(&*partition, &there).await;
            // Whose files make room for those of the other, and are opened again.
            check(&*other, &[1]).await;
            check(&*partition, &there).await;
        }
        assert_eq!(partition.recover().await, Some(WriteFault::ReadOnly));
        drop(failing);
        if by_asking {
            assert_eq!(partition.recover().await, None);
        }
        let next = there.len() as u32;
        partition.apply(put(next)).await.unwrap();
        there.push(next);
        assert_eq!(partition.fault(), None);
        check(&*partition, &there).await;
    }
}

/// A body is there under its name or not at all: while its folder's sync fails, whichever it is, it is not opened.
#[tokio::test]
async fn sqlite_a_body_whose_name_is_not_durable_is_not_opened() {
    let Some(dir) = told() else {
        let dir = tempfile::tempdir().unwrap();
        let test = "sqlite_faults::sqlite_a_body_whose_name_is_not_durable_is_not_opened";
        if can_trace() {
            run(test, &["env"], dir.path());
        }
        return;
    };
    let engine = engine(&dir);
    for (number, error) in ["EIO", "EIO:when=1", "EIO:when=3+"].into_iter().enumerate() {
        let name = format!("body-{number}");
        let failing = Failing::new("fsync,fdatasync", error, &[dir.join("bodies")]);
        assert!(engine.open(&name).await.is_err(), "{error}");
        drop(failing);
        let partition = engine.open(&name).await.unwrap();
        partition.apply(put(1)).await.unwrap();
        check(&*partition, &[1]).await;
    }
}

/// Bytes of a stored page are overwritten: its rows are refused, all others are read, nothing is written any more, until
/// the page is as it was.
#[tokio::test]
async fn sqlite_a_damaged_page_is_noticed_and_the_rest_is_read_on() {
    let dir = tempfile::tempdir().unwrap();
    let small = |number: u32| Batch::new().put(key(number), number.to_be_bytes().repeat(250));
    {
        let partition = engine(dir.path()).open("982016").await.unwrap();
        for number in 0..200 {
            partition.apply(small(number)).await.unwrap();
        }
    }
    let path = &files(dir.path(), "982016")[0];
    let bytes = fs::read(path).unwrap();
    let marker = 100u32.to_be_bytes().repeat(250);
    let place = bytes.windows(marker.len()).position(|window| window == marker).unwrap();
    let page = place / 8192 * 8192;
    OpenOptions::new().write(true).open(path).unwrap().write_all_at(&[0xa5; 8192], page as u64).unwrap();

    let engine = engine(dir.path());
    let partition = engine.open("982016").await.unwrap();
    let other = engine.open("982024").await.unwrap();
    let (mut damaged, mut read) = (Vec::new(), 0);
    for number in 0..200 {
        match partition.get_many(&[key(number)]).await {
            Ok(found) => {
                assert_eq!(found[0].as_ref().unwrap().value, number.to_be_bytes().repeat(250));
                read += 1;
            }
            Err(StoreError::Corrupt) => damaged.push(number),
            Err(other) => panic!("{other}"),
        }
    }
    assert!(damaged.contains(&100) && damaged.len() < 10 && read > 190, "{damaged:?}");
    assert_eq!(partition.fault(), Some(WriteFault::Corrupt));
    assert!(matches!(partition.apply(small(300)).await, Err(StoreError::Corrupt)));
    assert_eq!(partition.recover().await, Some(WriteFault::Corrupt), "damage does not go away");
    assert!(partition.get_many(&[key(0)]).await.is_ok());
    let was = &bytes[page..page + 8192];
    OpenOptions::new().write(true).open(path).unwrap().write_all_at(was, page as u64).unwrap();
    // What is damaged is not looked at all the time.
    while let Some(fault) = partition.recover().await {
        assert_eq!(fault, WriteFault::Corrupt);
        tokio::task::yield_now().await;
    }
    partition.apply(small(300)).await.unwrap();
    for number in (0..200).chain([300]) {
        let found = partition.get_many(&[key(number)]).await.unwrap();
        assert_eq!(found[0].as_ref().unwrap().value, number.to_be_bytes().repeat(250));
    }
    other.apply(small(1)).await.unwrap();
    assert_eq!(other.fault(), None);
}
