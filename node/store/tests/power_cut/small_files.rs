//! Files that are replaced whole and destroyed for good, and the folder that all the others lie in.

use std::fs;
use std::path::Path;

use chukei_power_cut::{Found, Missing, Plan, child, run, say};
use chukei_store::DataFolder;
use chukei_store::durable_file::{destroy, ensure_dir, replace};

const REPLACED: &str = "outer/inner/replaced";
const DESTROYED: &str = "outer/inner/destroyed";

/// Of any size: several sectors, less than one, none.
fn content(number: u64) -> Vec<u8> {
    let length = [5000, 40, 0, 1500][number as usize % 4];
    let line = format!("the content of number {number:03}\n");
    line.repeat(length / line.len()).into_bytes()
}

fn live(folder: &Path) {
    DataFolder::open(&folder.join("data")).unwrap();
    say("data");
    for part in ["outer", "outer/inner"] {
        ensure_dir(&folder.join(part)).unwrap();
        say(part);
    }
    for number in 1..=12 {
        say(&format!("replacing {number}"));
        replace(&folder.join(REPLACED), &content(number)).unwrap();
        say(&format!("replaced {number}"));
        // With a number of its own, so that its bytes are found nowhere else.
        let secret = 4 * number + 100;
        replace(&folder.join(DESTROYED), &content(secret)).unwrap();
        say(&format!("there {secret}"));
        say(&format!("destroying {secret}"));
        assert!(destroy(&folder.join(DESTROYED)).unwrap());
        say(&format!("destroyed {secret}"));
    }
}

fn check(Found { folder, freed, said }: Found<'_>) {
    for part in ["data", "outer", "outer/inner"] {
        let told = said.iter().any(|line| line == part);
        assert!(!told || folder.join(part).is_dir(), "{part}");
    }
    if said.iter().any(|line| line == "data") {
        assert_eq!(fs::read(folder.join("data/format")).unwrap(), b"chukei-data 1\n");
    }
    let number = |line: &str| line.rsplit(' ').next().and_then(|number| number.parse::<u64>().ok());

    let replaced = said.iter().rev().find(|line| line.starts_with("replac"));
    let newest = replaced.and_then(|line| number(line)).unwrap_or(0);
    let begun = replaced.is_some_and(|line| line.starts_with("replacing"));
    match fs::read(folder.join(REPLACED)) {
        Ok(found) => assert!(
            found == content(newest) || begun && found == content(newest - 1),
            "neither the old nor the new content: {newest}"
        ),
        Err(_) => assert!(newest == 0 || begun && newest == 1, "lost: {newest}"),
    }

    let destroyed = said.iter().rev().find(|line| line.starts_with("there") || line.starts_with("destroy"));
    match (destroyed.map(|line| line.split_once(' ').unwrap().0), fs::read(folder.join(DESTROYED))) {
        (Some("there"), found) => assert!(found.unwrap() == content(number(destroyed.unwrap()).unwrap())),
        (Some("destroyed") | None, Ok(found)) => {
            let newer = destroyed.map_or(104, |line| number(line).unwrap() + 4);
            assert!(found == content(newer), "a destroyed file came back");
        }
        _ => {}
    }
    for gone in said.iter().filter_map(|line| line.strip_prefix("destroyed ")) {
        let line = format!("the content of number {gone:0>3}\n");
        let found = |bytes: &Vec<u8>| bytes.windows(line.len()).any(|part| part == line.as_bytes());
        assert!(!freed.iter().any(found), "the bytes of a destroyed file are on the disk");
    }

    DataFolder::open(&folder.join("data")).unwrap();
    for part in ["outer", "outer/inner"] {
        ensure_dir(&folder.join(part)).unwrap();
    }
    replace(&folder.join(REPLACED), &content(999)).unwrap();
    assert_eq!(fs::read(folder.join(REPLACED)).unwrap(), content(999));
    destroy(&folder.join(DESTROYED)).unwrap();
    assert!(!folder.join(DESTROYED).exists());
}

#[test]
fn durable_files_power_cut_leaves_the_old_or_the_new_and_nothing_destroyed() {
    if let Some(folder) = child() {
        return live(&folder);
    }
    let missing = &[
        Missing::Files("replaced.new"),
        Missing::Files("destroyed"),
        Missing::Files("format.new"),
        Missing::Folders("inner"),
        Missing::Folders("outer"),
        Missing::Folders("data"),
        Missing::Folders(""),
    ];
    let plan = Plan { cuts: 400, lives: 0, cuts_of_each: 0, missing, faults: &[], faulty_lives: 0 };
    run("small_files::durable_files_power_cut_leaves_the_old_or_the_new_and_nothing_destroyed", plan, check)
        .unwrap();
}
