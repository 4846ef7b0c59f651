//! The model of the disk against hand-written recordings: it must lose what was not synced, and nothing else.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::bounds::Bounds;
use crate::cut::Cut;
use crate::disk::Disk;
use crate::error::TrialError;
use crate::files::steps;
use crate::image::Image;
use crate::record::Recorder;
use crate::step::Step;

/// As the recorder prints it.
fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("\\x{byte:02x}")).collect()
}

/// A recording in short: strings in `'…'` are printed as the recorder does.
fn text(lines: &[&str]) -> String {
    let mut text = String::new();
    for line in lines {
        let parts = line.split('\'').enumerate();
        let printed =
            parts.map(|(at, part)| if at % 2 == 1 { format!("\"{}\"", hex(part)) } else { part.to_owned() });
        text.push_str(&format!("1 {}\n", printed.collect::<String>()));
    }
    text
}

fn recorded(lines: &[&str]) -> Vec<Step> {
    steps(&text(lines), Path::new("/trial"), &Image::default()).unwrap()
}

/// Every state in which some of many cuts after the last of these calls leaves the file.
fn found(lines: &[&str], file: &str) -> BTreeSet<Option<Vec<u8>>> {
    let mut disk = Disk::new(&Image::default(), false);
    let steps = recorded(lines);
    steps.iter().for_each(|step| disk.take(step));
    let mut random = StdRng::seed_from_u64(1);
    (0..2000)
        .map(|_| {
            Cut::any(&mut random, lines.len()).leave(&disk, &mut random).0.file(file).map(<[u8]>::to_vec)
        })
        .collect()
}

fn states(states: &[Option<&str>]) -> BTreeSet<Option<Vec<u8>>> {
    states.iter().map(|state| state.map(|text| text.as_bytes().to_vec())).collect()
}

const CREATE: &str = "openat(AT_FDCWD, 'a', O_RDWR|O_CREAT, 0600) = 3";
const WRITE: &str = "write(3, 'one', 3) = 3";
const OPEN_FOLDER: &str = "openat(AT_FDCWD, '/trial', O_RDONLY) = 4";

#[test]
fn what_was_not_synced_may_be_lost_wholly_or_in_part() {
    assert_eq!(found(&[CREATE, WRITE], "a"), states(&[None, Some(""), Some("\0\0\0"), Some("one")]));
}

#[test]
fn a_synced_file_without_a_synced_name_may_be_lost() {
    assert_eq!(found(&[CREATE, WRITE, "fsync(3) = 0"], "a"), states(&[None, Some("one")]));
    assert_eq!(found(&[CREATE, OPEN_FOLDER, "fsync(4) = 0"], "a"), states(&[Some("")]));
}

#[test]
fn what_was_synced_with_its_name_is_there_for_good() {
    let lines = [CREATE, WRITE, "fdatasync(3) = 0", OPEN_FOLDER, "fsync(4) = 0", "close(3) = 0"];
    assert_eq!(found(&lines, "a"), states(&[Some("one")]));
}

#[test]
fn a_sync_of_the_whole_file_system_covers_all_files_and_no_name() {
    let files = [
        CREATE,
        WRITE,
        "openat(AT_FDCWD, 'b', O_RDWR|O_CREAT, 0600) = 5",
        "write(5, 'two', 3) = 3",
        OPEN_FOLDER,
        "fsync(4) = 0",
    ];
    let synced = [&files[..], &["syncfs(5) = 0", "write(3, 'more', 4) = 4"]].concat();
    assert!(found(&synced, "a").iter().flatten().all(|left| left.starts_with(b"one")));
    assert_eq!(found(&synced, "b"), states(&[Some("two")]));
    assert_eq!(found(&[CREATE, WRITE, "syncfs(3) = 0"], "a"), states(&[None, Some("one")]));
    let failed = [&files[..], &["syncfs(5) = -1 EIO (Input/output error)"]].concat();
    assert!(found(&failed, "a").contains(&Some(Vec::new())));
}

#[test]
fn a_sync_that_failed_or_is_none_makes_nothing_durable() {
    for sync in
        ["fsync(3) = -1 EIO (Input/output error)", "sync_file_range(3, 0, 0, SYNC_FILE_RANGE_WRITE) = 0"]
    {
        assert!(found(&[CREATE, WRITE, sync, OPEN_FOLDER, "fsync(4) = 0"], "a").contains(&Some(Vec::new())));
    }
}

#[test]
fn a_sync_covers_only_what_returned_before_it_began() {
    let named = [CREATE, OPEN_FOLDER, "fsync(4) = 0", "fsync(3 <unfinished ...>"];
    let threads = "clone(child_stack=0x7f, flags=CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_THREAD) = 2";
    let lines = text(&[&[threads], &named[..]].concat())
        + "2 write(3, \"\\x61\", 1) = 1\n1 <... fsync resumed>) = 0\n";
    let mut disk = Disk::new(&Image::default(), false);
    steps(&lines, Path::new("/trial"), &Image::default()).unwrap().iter().for_each(|step| disk.take(step));
    let mut random = StdRng::seed_from_u64(1);
    let mut lost = (0..200).map(|_| Cut::any(&mut random, 9).leave(&disk, &mut random).0);
    assert!(lost.any(|image| image.file("a") == Some(b"")));
}

#[test]
fn sectors_reach_the_disk_in_any_order_and_each_wholly() {
    let block = "x".repeat(1024);
    let lines = [CREATE, &format!("pwrite64(3, '{block}', 1024, 0) = 1024"), OPEN_FOLDER, "fsync(4) = 0"];
    let whole = |bytes: &[u8]| bytes.chunks(512).all(|sector| sector.iter().all(|byte| *byte == sector[0]));
    let found: Vec<_> = found(&lines, "a").into_iter().flatten().collect();
    assert!(found.iter().all(|bytes| whole(bytes)));
    assert!(found.iter().any(|bytes| bytes.len() == 1024 && bytes[0] == 0 && bytes[512] == b'x'));
    assert!(found.iter().any(|bytes| bytes.len() == 1024 && bytes[0] == b'x' && bytes[512] == 0));
    assert!(found.iter().any(|bytes| bytes.len() == 512), "the length was lost, not the bytes");
}

#[test]
fn a_rename_is_wholly_there_or_not_and_keeps_no_bytes_by_itself() {
    let base = [CREATE, WRITE, "fsync(3) = 0", OPEN_FOLDER, "fsync(4) = 0"];
    let replaced = |sync: &'static str| {
        let new = ["openat(AT_FDCWD, 'a.new', O_WRONLY|O_CREAT|O_TRUNC, 0600) = 5", "write(5, 'two', 3) = 3"];
        let lines = [&base[..], &new, &[sync, "rename('a.new', 'a') = 0"]].concat();
        found(&lines, "a")
    };
    assert_eq!(replaced("fsync(5) = 0"), states(&[Some("one"), Some("two")]));
    assert_eq!(replaced("close(9) = 0"), states(&[Some(""), Some("\0\0\0"), Some("one"), Some("two")]));
}

#[test]
fn what_was_removed_comes_back_until_the_folder_is_synced() {
    let base = [CREATE, WRITE, "fsync(3) = 0", OPEN_FOLDER, "fsync(4) = 0", "unlink('/trial/./a') = 0"];
    assert_eq!(found(&base, "a"), states(&[None, Some("one")]));
    assert_eq!(found(&[&base[..], &["fsync(4) = 0"]].concat(), "a"), states(&[None]));
}

#[test]
fn bytes_cut_off_do_not_come_back_when_the_file_grows() {
    let base = [CREATE, WRITE, "fsync(3) = 0", OPEN_FOLDER, "fsync(4) = 0"];
    let lines = [&base[..], &["ftruncate(3, 0) = 0", "pwrite64(3, 'z', 1, 2) = 1"]].concat();
    assert_eq!(found(&lines, "a"), states(&[Some("one"), Some(""), Some("\0\0\0"), Some("\0\0z")]));
}

#[test]
fn names_change_in_order_and_folders_apart() {
    let lines =
        ["mkdir('d', 0700) = 0", "openat(AT_FDCWD, 'd/a', O_RDWR|O_CREAT, 0600) = 3", "mkdir('e', 0700) = 0"];
    let mut disk = Disk::new(&Image::default(), false);
    recorded(&lines).iter().for_each(|step| disk.take(step));
    let mut random = StdRng::seed_from_u64(1);
    let left: BTreeSet<_> = (0..500)
        .map(|_| {
            let Image::Folder(names) = Cut::any(&mut random, 9).leave(&disk, &mut random).0 else {
                unreachable!()
            };
            let inside =
                matches!(names.get(std::ffi::OsStr::new("d")), Some(Image::Folder(d)) if !d.is_empty());
            (names.keys().map(|name| name.to_str().unwrap().to_owned()).collect::<Vec<_>>().join(" "), inside)
        })
        .collect();
    let expected = [("", false), ("d", false), ("d", true), ("d e", false), ("d e", true)];
    assert_eq!(left, expected.into_iter().map(|(names, inside)| (names.to_owned(), inside)).collect());
}

#[test]
fn positions_follow_descriptors_that_share_them() {
    let lines = [
        CREATE,
        WRITE,
        "fcntl(3, F_DUPFD_CLOEXEC, 0) = 7",
        "write(7, 'two', 3) = 3",
        "lseek(3, 1, SEEK_SET) = 1",
        "writev(7, [{iov_base='N', iov_len=1}, {iov_base='E', iov_len=1}], 2) = 2",
        "openat(AT_FDCWD, 'a', O_WRONLY|O_APPEND) = 8",
        "write(8, '!', 1) = 1",
        "close(3) = 0",
        "openat(AT_FDCWD, '/elsewhere', O_RDONLY) = 3",
        "write(3, 'x', 1) = 1",
        "fsync(7) = 0",
        OPEN_FOLDER,
        "fsync(4) = 0",
    ];
    assert_eq!(found(&lines, "a"), states(&[Some("oNEtwo!")]));
}

#[test]
fn what_the_child_says_has_its_place_among_the_calls() {
    let steps = recorded(&[CREATE, "write(2, 'power-cut: a 1\nother\n', 21) = 21", WRITE]);
    let said = steps.iter().position(|step| *step == Step::Said("a 1".to_owned())).unwrap();
    let written = steps.iter().position(|step| matches!(step, Step::File { .. })).unwrap();
    let named = steps.iter().position(|step| matches!(step, Step::Name { .. })).unwrap();
    assert!(named < said && said < written);
}

#[test]
fn calls_without_a_meaning_here_are_errors() {
    for call in [
        "copy_file_range(9, NULL, 3, NULL, 10, 0) = 10",
        "fallocate(3, FALLOC_FL_PUNCH_HOLE|FALLOC_FL_KEEP_SIZE, 0, 10) = 0",
        "mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, 3, 0) = 0x7f00",
        "openat(AT_FDCWD, 'b', O_RDWR|O_CREAT|O_DSYNC, 0600) = 5",
        "sync() = 0",
        "rename('a', '/elsewhere/a') = 0",
        "symlink('a', 'b') = 0",
    ] {
        assert!(steps(&text(&[CREATE, call]), Path::new("/trial"), &Image::default()).is_err(), "{call}");
    }
    let fine =
        ["mmap(NULL, 4096, PROT_READ, MAP_SHARED, 3, 0) = 0x7f00", "rename('/b', '/c') = 0", "fsync(9) = 0"];
    for call in fine {
        assert!(steps(&text(&[CREATE, call]), Path::new("/trial"), &Image::default()).is_ok(), "{call}");
    }
}

#[test]
fn a_change_that_a_killed_thread_was_in_makes_the_recording_useless() {
    for (call, useless) in [
        ("write(3, 'x', 1 <unfinished ...>", true),
        ("unlink('a' <unfinished ...>", true),
        ("fsync(3 <unfinished ...>", false),
        ("write(2, 'x', 1 <unfinished ...>", false),
    ] {
        let killed = text(&[CREATE, call]) + "1 +++ superseded by execve in pid 2 +++\n";
        let steps = steps(&killed, Path::new("/trial"), &Image::default());
        assert_eq!(matches!(steps, Err(TrialError::Interrupted)), useless, "{call}");
    }
}

#[test]
fn a_recording_that_lacks_a_change_is_known_by_what_lies_there() {
    let lies = |names: &[(&str, &str)]| {
        let file = |(name, text): &(&str, &str)| (name.into(), Image::File(text.as_bytes().to_vec()));
        Image::Folder(names.iter().map(file).collect())
    };
    let mut disk = Disk::new(&Image::default(), false);
    recorded(&[CREATE, WRITE]).iter().for_each(|step| disk.take(step));
    assert!(disk.leads_to(&lies(&[("a", "one")])));
    assert!(!disk.leads_to(&lies(&[("a", "one more")])));
    assert!(!disk.leads_to(&lies(&[("a", "one"), ("b", "")])));
    assert!(!disk.leads_to(&lies(&[])));
}

#[test]
fn a_forgetful_disk_never_writes_what_a_sync_failed_for() {
    let lines =
        [CREATE, OPEN_FOLDER, "fsync(4) = 0", WRITE, "fsync(3) = -1 EIO (Input/output error) (INJECTED)"];
    for forgetful in [false, true] {
        let mut disk = Disk::new(&Image::default(), forgetful);
        let steps = recorded(&[&lines[..], &["fsync(3) = 0"]].concat());
        steps.iter().for_each(|step| disk.take(step));
        let mut random = StdRng::seed_from_u64(1);
        let left = Cut::any(&mut random, 9).leave(&disk, &mut random).0;
        assert_eq!(left.file("a"), Some(if forgetful { &b""[..] } else { b"one" }));
    }
}

#[test]
fn names_are_removed_from_folders_that_are_open() {
    let lines = [
        "mkdir('d', 0700) = 0",
        "openat(AT_FDCWD, 'd/a', O_RDWR|O_CREAT, 0600) = 3",
        "openat(AT_FDCWD, 'd', O_RDONLY|O_DIRECTORY) = 5",
        "unlinkat(5, 'a', 0) = 0",
        "openat(AT_FDCWD, 'd/b', O_RDWR|O_CREAT, 0600) = 3",
        "openat(5, 'b', O_RDONLY) = 6",
        "fsync(5) = 0",
        OPEN_FOLDER,
        "fsync(4) = 0",
    ];
    assert_eq!(found(&lines, "d/a"), states(&[None]));
    assert_eq!(found(&lines, "d/b"), states(&[Some("")]));
    let unknown = [&lines[..3], &["openat(5, 'c', O_RDWR|O_CREAT, 0600) = 6"]].concat();
    assert!(steps(&text(&unknown), Path::new("/trial"), &Image::default()).is_err());
}

#[test]
fn a_process_that_forks_shares_what_is_open_and_nothing_else() {
    let lines = text(&[CREATE, OPEN_FOLDER, "fsync(4) = 0", WRITE])
        + "1 clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|SIGCHLD <unfinished ...>\n"
        + &text(&["write(3, 'two', 3) = 3", "mkdir('d', 0700) = 0", "chdir('d') = 0", "close(3) = 0"])
            .replace("1 ", "2 ")
        + "1 <... clone resumed>, child_tidptr=0x7f) = 2\n"
        + &text(&["write(3, 'three', 5) = 5", "fsync(3) = 0"])
        + &text(&["openat(AT_FDCWD, 'b', O_RDWR|O_CREAT, 0600) = 3", "write(3, 'b', 1) = 1"])
            .replace("1 ", "2 ");
    let steps = steps(&lines, Path::new("/trial"), &Image::default()).unwrap();
    let mut disk = Disk::new(&Image::default(), false);
    steps.iter().for_each(|step| disk.take(step));
    let mut random = StdRng::seed_from_u64(1);
    let left: Vec<_> = (0..200).map(|_| Cut::any(&mut random, 99).leave(&disk, &mut random).0).collect();
    assert!(left.iter().all(|image| image.file("a") == Some(b"onetwothree")));
    assert!(left.iter().any(|image| image.file("d/b") == Some(b"b")));
}

#[test]
fn a_process_that_nobody_made_and_a_file_that_was_gone_are_noticed() {
    let steps = |lines: &str| steps(lines, Path::new("/trial"), &Image::default());
    let stranger = text(&[CREATE]) + "2 fsync(3) = 0\n";
    assert!(matches!(steps(&stranger), Err(TrialError::Unknown(_))));
    let gone = text(&["openat(AT_FDCWD, 'a', O_RDONLY) = 3"]);
    assert!(matches!(steps(&gone), Err(TrialError::Interrupted)));
}

/// What recording this test with these bounds is refused for, where there is a recorder.
fn refused(test: &str, bounds: Bounds) -> Option<String> {
    let mut recorder = Recorder::find()?;
    recorder.bounds = bounds;
    match recorder.record(&format!("tests::{test}"), &Image::default(), None) {
        Err(TrialError::Endless(why)) => Some(why),
        Err(error) => panic!("{error}"),
        Ok(recording) => panic!("{} steps", recording.steps.len()),
    }
}

#[test]
fn a_process_that_says_more_and_more_is_ended_by_the_bytes_of_its_recording() {
    if crate::child().is_some() {
        loop {
            crate::say("once more");
        }
    }
    let bounds = Bounds { bytes: 1 << 20, ..Bounds::default() };
    let test = "a_process_that_says_more_and_more_is_ended_by_the_bytes_of_its_recording";
    if let Some(why) = refused(test, bounds) {
        assert!(why.contains("1048576 bytes"), "{why}");
    }
}

#[test]
fn a_process_that_does_nothing_more_is_ended_by_the_time_of_its_recording() {
    if crate::child().is_some() {
        loop {
            std::thread::park();
        }
    }
    let bounds = Bounds { time: Duration::from_millis(500), ..Bounds::default() };
    let test = "a_process_that_does_nothing_more_is_ended_by_the_time_of_its_recording";
    if let Some(why) = refused(test, bounds) {
        assert!(why.contains("500ms"), "{why}");
    }
}

#[test]
fn a_life_is_recorded_with_what_it_wrote_and_said_in_order() {
    if let Some(folder) = crate::child() {
        let file = std::fs::File::create(folder.join("f")).unwrap();
        (&file).write_all(b"kept").unwrap();
        file.sync_all().unwrap();
        std::fs::File::open(&folder).unwrap().sync_all().unwrap();
        crate::say("kept");
        (&file).write_all(b"lost").unwrap();
        return;
    }
    let Some(recorder) = Recorder::find() else { return };
    let name = "tests::a_life_is_recorded_with_what_it_wrote_and_said_in_order";
    let life = recorder.record(name, &Image::default(), None).unwrap();
    let said = life.steps.iter().position(|step| *step == Step::Said("kept".to_owned())).unwrap();
    let wrote = |steps: &[Step]| steps.iter().any(|step| matches!(step, Step::File { .. }));
    let (before, after) = life.steps.split_at(said);
    assert!(wrote(before) && wrote(after), "{} steps", life.steps.len());
}
