//! R25: a root goes into shares and comes back, and the drill proves it without leaving anything behind.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use chukei_crypto::hash::sha256;
use chukei_keys::{FileProvider, KeyProvider, KeyringFile, Owner, StandbyProvider};
use serde_json::Value;
use tempfile::TempDir;

const ROOT: &str = "a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90\n";
const TODAY: u32 = 20_000;

/// A body's folders: its root, its epochs, its keyring, and a place for shares.
struct Custody {
    dir: TempDir,
}

/// What a command gave.
struct Printed {
    status: i32,
    json: Value,
    all: String,
}

impl Printed {
    fn code(&self) -> &str {
        self.json["code"].as_str().unwrap_or_else(|| panic!("{}", self.all))
    }

    fn done(self) -> Value {
        assert_eq!(self.status, 0, "{}", self.all);
        self.json
    }
}

impl Custody {
    fn new() -> Self {
        let custody = Self { dir: tempfile::tempdir().unwrap() };
        for folder in ["roots", "data", "data/keys"] {
            fs::create_dir(custody.path(folder)).unwrap();
        }
        fs::write(custody.path("roots/982016.root-1.key"), ROOT).unwrap();
        custody
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn owner() -> Owner {
        "982016".parse().unwrap()
    }

    fn provider(&self) -> Arc<FileProvider> {
        Arc::new(FileProvider::new(&self.path("roots"), &self.path("epochs")))
    }

    /// The keyring in use, made under root 1.
    fn keyring(&self) -> KeyringFile {
        let path = self.path("data/keys/982016.keyring");
        KeyringFile::create(&path, self.provider(), &Self::owner(), TODAY).unwrap()
    }

    fn run(&self, arguments: &[&str]) -> Printed {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chukei"));
        let output = command.args(["--json", "keys"]).args(arguments).current_dir(self.dir.path()).output();
        let output = output.unwrap();
        let all = [output.stdout.clone(), output.stderr].concat();
        let all = String::from_utf8(all).unwrap();
        assert!(!all.contains(&ROOT[..16]), "a key was printed: {all}");
        let json = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        Printed { status: output.status.code().unwrap(), json, all }
    }

    fn split(&self, out: &str) -> Printed {
        let root = "roots/982016.root-1.key";
        let numbers = ["--threshold", "3", "--shares", "5"];
        self.run(&[&["split", "--owner", "982016", "--root", root, "--out-dir", out], &numbers[..]].concat())
    }

    /// `act` with the shares of these numbers.
    fn with_shares(&self, act: &[&str], numbers: &[u8]) -> Printed {
        let files: Vec<String> =
            numbers.iter().map(|number| format!("s/982016.root-1.share-{number}-of-5.txt")).collect();
        let mut arguments = act.to_vec();
        arguments.push("--share");
        arguments.extend(files.iter().map(String::as_str));
        self.run(&arguments)
    }

    /// Every file below the folder with its bytes.
    fn everything(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        let mut folders = vec![self.dir.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path)
                } else {
                    drop(found.insert(path.clone(), fs::read(path).unwrap()))
                }
            }
        }
        found
    }
}

#[test]
fn r25_any_three_of_five_shares_restore_the_root() {
    let custody = Custody::new();
    let split = custody.split("s").done();
    assert_eq!((split["threshold"].as_u64(), split["files"].as_array().unwrap().len()), (Some(3), 5));
    for file in split["files"].as_array().unwrap() {
        let mode = fs::metadata(custody.path(file.as_str().unwrap())).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    for (at, numbers) in [[1, 2, 3], [5, 3, 1], [2, 4, 5]].iter().enumerate() {
        let out = format!("out-{at}");
        let combined = custody.with_shares(&["combine", "--out", &out], numbers).done();
        assert_eq!(combined["check"], split["check"]);
        assert_eq!(fs::read_to_string(custody.path(&out)).unwrap(), ROOT);
        assert_eq!(fs::metadata(custody.path(&out)).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn r25_no_file_is_overwritten() {
    let custody = Custody::new();
    custody.split("s").done();
    let before = custody.everything();
    let again = custody.split("s");
    assert_eq!((again.status, again.code()), (2, "FILE_EXISTS"));
    let taken = custody.with_shares(&["combine", "--out", "roots/982016.root-1.key"], &[1, 2, 3]);
    assert_eq!((taken.status, taken.code()), (2, "FILE_EXISTS"));
    assert_eq!(custody.everything(), before);
    // A set that cannot be written whole leaves no share behind.
    fs::create_dir(custody.path("t")).unwrap();
    fs::write(custody.path("t/982016.root-1.share-4-of-5.txt"), "another's").unwrap();
    assert_eq!(custody.split("t").code(), "FILE_EXISTS");
    assert_eq!(fs::read_dir(custody.path("t")).unwrap().count(), 1);
}

#[test]
fn r25_each_trouble_with_shares_has_its_own_code_and_says_what_to_do() {
    let custody = Custody::new();
    custody.split("s").done();
    let share = |number: u8| custody.path(&format!("s/982016.root-1.share-{number}-of-5.txt"));
    let good = fs::read_to_string(share(3)).unwrap();
    let refused = |code: &str, numbers: &[u8]| {
        for act in [&["combine", "--out", "out"][..], &["drill"]] {
            let printed = custody.with_shares(act, numbers);
            assert_eq!((printed.status, printed.code()), (2, code), "{}", printed.all);
            assert!(printed.json["message"].as_str().unwrap().contains("ください") || code == "SHARE_WRONG");
            assert!(!custody.path("out").exists());
        }
    };
    refused("SHARES_TOO_FEW", &[1, 2]);
    refused("SHARE_DOUBLED", &[1, 2, 1]);
    refused("FILE_NOT_FOUND", &[1, 2, 6]);
    for (text, code) in [
        (good.replace("root 1\n", "root 2\n"), "SHARE_DAMAGED"),
        (good.replace("share 1\n", "share 2\n"), "SHARE_VERSION"),
        ("not a share".to_owned(), "SHARE_MALFORMED"),
        ("\u{0}".repeat(100_000), "SHARE_MALFORMED"),
    ] {
        fs::write(share(3), text).unwrap();
        refused(code, &[1, 2, 3]);
    }
    custody.split("other").done();
    fs::copy(custody.path("other/982016.root-1.share-3-of-5.txt"), share(3)).unwrap();
    refused("SHARE_FOREIGN", &[1, 2, 3]);
}

/// A holder who writes down another share, with a right sum, is found out and, among enough others, named.
#[test]
fn r25_a_wrong_share_is_found_out() {
    let custody = Custody::new();
    custody.split("s").done();
    let path = custody.path("s/982016.root-1.share-2-of-5.txt");
    let text = fs::read_to_string(&path).unwrap();
    let (before, after) = text.split_once("value ").unwrap();
    let digit = if after.starts_with('0') { "1" } else { "0" };
    let (forged, _) = after.split_once("sum ").unwrap();
    let forged = format!("{before}value {digit}{}", &forged[1..]);
    let sum = sha256(forged.as_bytes());
    let sum: Vec<String> = sum[..8].chunks(2).map(|pair| format!("{:02x}{:02x}", pair[0], pair[1])).collect();
    fs::write(&path, format!("{forged}sum {}\n", sum.join(" "))).unwrap();
    assert_eq!(custody.with_shares(&["drill"], &[1, 2, 3]).code(), "SHARE_WRONG");
    let named = custody.with_shares(&["drill"], &[1, 2, 3, 4]);
    assert_eq!((named.status, named.code()), (2, "SHARE_WRONG"));
    assert!(named.json["message"].as_str().unwrap().starts_with("s/982016.root-1.share-2-of-5.txt"));
    custody.with_shares(&["drill"], &[1, 3, 4]).done();
}

#[test]
fn r25_what_cannot_be_split_is_refused() {
    let custody = Custody::new();
    let split = |root: &str, owner: &str, threshold: &str, more: &[&str]| {
        let act = ["split", "--owner", owner, "--root", root, "--out-dir", "s", "--shares", "5"];
        custody.run(&[&act[..], &["--threshold", threshold], more].concat())
    };
    let root = "roots/982016.root-1.key";
    for threshold in ["1", "6", "17"] {
        assert_eq!(split(root, "982016", threshold, &[]).code(), "BAD_USAGE");
    }
    assert_eq!(split(root, "982024", "3", &[]).code(), "BAD_USAGE", "no number in the name");
    assert_eq!(split(root, "Uminari", "3", &["--number", "1"]).code(), "BAD_USAGE");
    assert_eq!(split("roots/none", "982016", "3", &["--number", "1"]).code(), "FILE_NOT_FOUND");
    fs::write(custody.path("short"), "abcd\n").unwrap();
    assert_eq!(split("short", "982016", "3", &["--number", "1"]).code(), "BAD_KEY_FILE");
    assert!(!custody.path("s").exists());
    assert_eq!(split(root, "982024", "3", &["--number", "7"]).done()["root"], 7);
}

#[test]
fn r25_the_drill_proves_the_root_in_use_and_writes_nothing() {
    let custody = Custody::new();
    let keyring = custody.keyring();
    custody.split("s").done();
    let config = "data_dir = \"data\"\n[keys]\nprovider = \"file\"\nroots = \"roots\"\nepochs = \"epochs\"\n";
    fs::write(custody.path("node.toml"), config).unwrap();
    let before = custody.everything();
    let bare = custody.with_shares(&["drill"], &[1, 3, 5]).done();
    assert_eq!(
        (&bare["restored"], &bare["root_in_use"], &bare["keyring_opened"]),
        (&true.into(), &false.into(), &false.into())
    );
    let drilled = custody.with_shares(&["drill", "--keys", "node.toml"], &[1, 2, 3, 4, 5]).done();
    assert_eq!((&drilled["root_in_use"], &drilled["keyring_opened"]), (&true.into(), &true.into()));
    assert_eq!(drilled["generation"], keyring.snapshot().generation());
    assert_eq!(custody.everything(), before);
    // The proof stands on the shares: the root itself may be lost.
    fs::remove_file(custody.path("roots/982016.root-1.key")).unwrap();
    let parts = ["drill", "--epochs", "epochs", "--keyring", "data/keys/982016.keyring"];
    assert_eq!(custody.with_shares(&parts, &[2, 3, 4]).done()["keyring_opened"], true);
    assert_eq!(custody.with_shares(&["drill", "--roots", "roots"], &[2, 3, 4]).code(), "FILE_NOT_FOUND");
}

#[test]
fn r25_the_drill_fails_where_the_shares_are_of_another_root() {
    let custody = Custody::new();
    let keyring = custody.keyring();
    custody.split("s").done();
    let drill = ["drill", "--roots", "roots", "--epochs", "epochs", "--keyring", "data/keys/982016.keyring"];
    let lone = ["drill", "--epochs", "epochs", "--keyring", "data/keys/982016.keyring"];
    custody.with_shares(&drill, &[1, 2, 3]).done();
    keyring.rotate_root().unwrap();
    let replaced = custody.with_shares(&lone, &[1, 2, 3]);
    assert_eq!((replaced.status, replaced.code()), (1, "ROOT_REPLACED"));
    // Another key under the number that was split.
    let other = Custody::new();
    fs::write(other.path("roots/982016.root-1.key"), ROOT.replace('a', "b")).unwrap();
    other.keyring();
    copy_folder(&custody.path("s"), &other.path("s"));
    assert_eq!(other.with_shares(&drill, &[1, 2, 3]).code(), "ROOT_DIFFERS");
    let differs = other.with_shares(&lone, &[1, 2, 3]);
    assert_eq!((differs.status, differs.code()), (1, "KEYRING_DIFFERS"));
    other.provider().destroy_epoch(&Custody::owner(), TODAY).unwrap();
    assert_eq!(other.with_shares(&lone, &[1, 2, 3]).code(), "KEYRING_NOT_READ");
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// The machine is lost: shares, the standby's epochs and a copy of the keyring bring it back on another, and the drill
/// proves it there.
#[test]
fn r25_a_keyring_comes_back_on_another_machine_from_shares_standby_and_copy() {
    let custody = Custody::new();
    let config = |machine: &str| {
        fs::create_dir_all(custody.path(&format!("{machine}/roots"))).unwrap();
        let keys = "provider = \"file\"\nroots = \"roots\"\nepochs = \"epochs\"";
        fs::write(
            custody.path(&format!("{machine}/node.toml")),
            format!("data_dir = \"data\"\n[keys]\n{keys}\n"),
        )
        .unwrap();
    };
    config(".");
    config("new");
    fs::create_dir(custody.path("standby")).unwrap();
    let provider = FileProvider::new(&custody.path("roots"), &custody.path("epochs"));
    let provider = Arc::new(StandbyProvider::new(provider, &custody.path("standby")));
    let path = custody.path("data/keys/982016.keyring");
    let keyring = KeyringFile::create(&path, provider, &Custody::owner(), TODAY).unwrap();
    custody.split("s").done();

    let copy = |out: &str| {
        custody.run(&["backup", "--keys", "node.toml", "--owner", "982016", "--out-dir", out]).done()
    };
    let older = copy("copies")["file"].as_str().unwrap().to_owned();
    keyring.rotate_standing().unwrap();
    let newest = copy("copies")["file"].as_str().unwrap().to_owned();
    assert_eq!(newest, "copies/982016.keyring-2");
    let bring = |copy: &str| {
        let act = [
            "restore",
            "--keys",
            "new/node.toml",
            "--owner",
            "982016",
            "--keyring",
            copy,
            "--standby",
            "standby",
        ];
        custody.with_shares(&act, &[1, 3, 5])
    };
    let before = custody.everything();
    let refused = bring(&older);
    assert_eq!((refused.status, refused.code()), (2, "OLDER_KEYRING"));
    assert_eq!(custody.everything(), before, "nothing is written before the copy has been opened");
    let restored = bring(&newest).done();
    assert_eq!((restored["generation"].as_u64(), restored["epochs"].as_u64()), (Some(2), Some(1)));
    assert_eq!(fs::read(custody.path("new/data/keys/982016.keyring")).unwrap(), fs::read(&path).unwrap());
    let drilled = custody.with_shares(&["drill", "--keys", "new/node.toml"], &[2, 4, 5]).done();
    assert_eq!(drilled["keyring_opened"], true, "{drilled}");
    assert_eq!(bring(&newest).code(), "FILE_EXISTS");

    // Once its epoch is destroyed at both places, the copy opens nowhere.
    keyring.turn_epoch(TODAY + 8, 7).unwrap();
    fs::remove_dir_all(custody.path("new")).unwrap();
    config("new");
    assert_eq!(bring(&newest).code(), "KEY_DESTROYED");
}
