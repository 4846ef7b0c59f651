//! A SoftHSM token of one test. The driver takes its folder from the environment, once per process, so each test
//! runs in a process of its own: the test binary again, asked for that one test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use chukei_keys::pkcs11::{Pkcs11Provider, Pkcs11Settings};
use cryptoki::context::Pkcs11;
use cryptoki::session::Session;

const DRIVERS: [&str; 2] = ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so"];
const FOLDER: &str = "CHUKEI_TEST_TOKEN";
pub(crate) const LABEL: &str = "chukei";
pub(crate) const PIN: &str = "2718281828";

/// A token in a folder of its own.
pub(crate) struct SoftToken {
    dir: PathBuf,
    driver: PathBuf,
}

impl SoftToken {
    pub(crate) fn settings(&self) -> Pkcs11Settings {
        let (module, pin_file) = (self.driver.clone(), self.pin_file());
        let (sessions, wait) = (Pkcs11Settings::SESSIONS, Pkcs11Settings::WAIT);
        Pkcs11Settings { module, token: LABEL.into(), pin_file, sessions, wait }
    }

    pub(crate) fn provider(&self) -> Pkcs11Provider {
        Pkcs11Provider::new(&self.settings())
    }

    pub(crate) fn pin_file(&self) -> PathBuf {
        self.dir.join("pin")
    }

    /// A session of the test's own, once a provider has logged this process in.
    pub(crate) fn session(&self) -> Session {
        let driver = Pkcs11::new(&self.driver).unwrap();
        let slot = driver.get_slots_with_initialized_token().unwrap()[0];
        driver.open_rw_session(slot).unwrap()
    }

    /// The files of the objects in the token.
    pub(crate) fn objects(&self) -> Vec<PathBuf> {
        let folder = fs::read_dir(self.store()).unwrap().next().unwrap().unwrap().path();
        let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|path| path.extension().is_some_and(|ending| ending == "object")).collect()
    }

    /// Where the driver keeps what is in the token.
    fn store(&self) -> PathBuf {
        self.dir.join("tokens")
    }

    /// What pulling the plug is to a real one.
    pub(crate) fn take_away(&self) {
        fs::rename(self.store(), self.dir.join("away")).unwrap();
        fs::create_dir(self.store()).unwrap();
    }

    pub(crate) fn put_back(&self) {
        fs::remove_dir(self.store()).unwrap();
        fs::rename(self.dir.join("away"), self.store()).unwrap();
    }

    /// Runs a tool of SoftHSM's on this token.
    pub(crate) fn tool(&self, arguments: &[&str]) {
        run(Command::new("softhsm2-util").args(arguments).env("SOFTHSM2_CONF", self.dir.join("conf")));
    }

    fn make(dir: &Path, driver: PathBuf) -> Self {
        let token = Self { dir: dir.to_owned(), driver };
        fs::create_dir(token.store()).unwrap();
        let conf =
            format!("directories.tokendir = {}\nobjectstore.backend = file\n", token.store().display());
        fs::write(dir.join("conf"), conf).unwrap();
        fs::write(token.pin_file(), format!("{PIN}\n")).unwrap();
        token.tool(&["--init-token", "--free", "--label", LABEL, "--pin", PIN, "--so-pin", "31415926"]);
        token
    }
}

/// Runs `test` on a new token. `name` is the test's own, as the test harness knows it.
pub(crate) fn on_a_token(name: &str, test: impl FnOnce(&SoftToken)) {
    let installed = DRIVERS.iter().map(PathBuf::from).find(|driver| driver.exists());
    let Some(driver) = installed else {
        assert_ne!(
            std::env::var("CHUKEI_REQUIRE_SERVICES").as_deref(),
            Ok("1"),
            "SoftHSM 2 is not installed (Debian: softhsm2)"
        );
        eprintln!("{name}: SKIPPED, SoftHSM 2 is not installed (Debian: softhsm2)");
        return;
    };
    if let Some(dir) = std::env::var_os(FOLDER) {
        return test(&SoftToken { dir: dir.into(), driver });
    }
    let dir = tempfile::tempdir().unwrap();
    SoftToken::make(dir.path(), driver);
    let mut again = Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", name, "--nocapture"]);
    again.env(FOLDER, dir.path()).env("SOFTHSM2_CONF", dir.path().join("conf"));
    let printed = run(&mut again);
    assert!(printed.contains("1 passed"), "{name} is not the name of one test:\n{printed}");
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8_lossy(&printed).into_owned();
    assert!(output.status.success(), "{command:?}: {}\n{printed}", output.status);
    printed
}
