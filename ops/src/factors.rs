//! Factors beside the certificate that a terminal proves (`[[factor]]`), and how new ones are made.
//!
//! What must hold: a PIN is asked for each time it is needed, without being shown, and stays in no file of ours; what is
//! made here is worth what a software authenticator is: a key file is as safe as the account that can read it. Its kind
//! is what the register says, and the body answers for that.

use std::path::{Path, PathBuf};

use chukei_crypto::random;
use chukei_crypto::sign::SigningKey;
use chukei_domain::register::{Factor, FactorKind, Stretch};
use chukei_relay_client::factor::{Authenticator, FileKey, Pin, PinError, PinKey, Prompt};
use chukei_wire::identity::is_name;
use data_encoding::HEXLOWER;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::failure::Failure;

/// Rounds between a new PIN and its key: some tenths of a second.
const ROUNDS: u32 = 1_000_000;

/// One factor of the user.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct FactorSettings {
    /// Its name in the user's entry of the register.
    name: String,
    /// What the register says it is: `knowledge` or `biometrics`. The certificate is the one of possession.
    kind: FactorKind,
    /// A key file, for a factor that is not knowledge.
    key: Option<PathBuf>,
    /// A file with the PIN, mode 0600, where nobody is there to be asked.
    pin_file: Option<PathBuf>,
}

impl FactorSettings {
    /// Whether the settings make sense by themselves.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        if !is_name(&self.name) {
            return Err(bad("factor.name は1〜64文字の a-z 0-9 . _ - で指定してください"));
        }
        match (self.kind, &self.key, &self.pin_file) {
            (FactorKind::Possession, ..) => {
                Err(bad("証明書が所持の要素です。factor.kind は knowledge か biometrics にしてください"))
            }
            (FactorKind::Knowledge, Some(_), _) => {
                Err(bad("knowledge の要素に factor.key は使えません。削除してください"))
            }
            (FactorKind::Biometrics, None, _) => Err(bad("factor.key に鍵ファイルを指定してください")),
            (FactorKind::Biometrics, _, Some(_)) => {
                Err(bad("factor.pin_file は knowledge の要素だけに使えます。削除してください"))
            }
            _ => Ok(()),
        }
    }

    /// What proves it; relative paths start at `base`.
    pub(crate) fn authenticator(&self, base: &Path) -> Result<Box<dyn Authenticator>, Failure> {
        let Some(key) = &self.key else {
            let prompt = match &self.pin_file {
                Some(file) => Prompt::File(base.join(file)),
                None => Prompt::Person(Box::new(|name| ask(&format!("PIN ({name})")))),
            };
            return Ok(Box::new(PinKey::new(&self.name, prompt)));
        };
        let key = FileKey::load(&self.name, &base.join(key)).map_err(|error| {
            bad(format!("認証要素の鍵を使用できません: {error}。[[factor]] を確認してください"))
        })?;
        Ok(Box::new(key))
    }
}

/// A factor made from a new PIN: from the file, or typed twice.
pub(crate) fn of_new_pin(name: &str, pin_file: Option<&Path>) -> Result<Factor, Failure> {
    let pin = match pin_file {
        Some(file) => Pin::from_file(file),
        None => typed_twice().and_then(Pin::new),
    };
    let pin = pin.map_err(|error| Failure::usage("PIN", pin_words(error)))?;
    let salt = random::bytes::<16>().map_err(|_| Failure::no_randomness())?;
    let key = pin.key(&salt, ROUNDS).map_err(|_| Failure::no_randomness())?;
    let stretch = Some(Stretch { salt: salt.to_vec(), iterations: ROUNDS });
    Ok(Factor { name: name.to_owned(), kind: FactorKind::Knowledge, public: key.public().to_vec(), stretch })
}

/// A factor with this key.
pub(crate) fn of_key(name: &str, kind: FactorKind, key: &SigningKey) -> Factor {
    Factor { name: name.to_owned(), kind, public: key.public().to_vec(), stretch: None }
}

/// The lines for an entry of `table`: `staff`, or `platform`.
pub(crate) fn entry(table: &str, factor: &Factor) -> String {
    let kind = match factor.kind {
        FactorKind::Knowledge => "knowledge",
        FactorKind::Possession => "possession",
        FactorKind::Biometrics => "biometrics",
    };
    let public = HEXLOWER.encode(&factor.public);
    let mut text =
        format!("[[{table}.factor]]\nname = \"{}\"\nkind = \"{kind}\"\npublic = \"{public}\"", factor.name);
    if let Some(Stretch { salt, iterations }) = &factor.stretch {
        let salt = HEXLOWER.encode(salt);
        text.push_str(&format!("\nstretch = {{ salt = \"{salt}\", iterations = {iterations} }}"));
    }
    text
}

fn typed_twice() -> Result<Zeroizing<String>, PinError> {
    let first = ask("新しいPIN").ok_or(PinError::Unreadable)?;
    let second = ask("もう一度").ok_or(PinError::Unreadable)?;
    if *first == *second { Ok(first) } else { Err(PinError::Form) }
}

/// What the person at the terminal types, unseen; `None` where there is none.
fn ask(what: &str) -> Option<Zeroizing<String>> {
    let terminal = console::Term::stderr();
    terminal.write_str(&format!("{what}: ")).ok()?;
    terminal.read_secure_line().ok().map(Zeroizing::new)
}

fn pin_words(error: PinError) -> &'static str {
    match error {
        PinError::Form => "PINは8〜64文字の英数字と記号(空白を除く)で、2回とも同じものを入力してください",
        PinError::Unreadable => "PINを読み取れません。端末から入力するか --pin-file を指定してください",
        PinError::Open => "PINのファイルを他人が読める状態です。モードを0600にしてください",
    }
}

fn bad(message: impl Into<String>) -> Failure {
    Failure::usage("BAD_CONFIG", message)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use chukei_crypto::factor::stretched;

    use super::*;

    /// Whether `pin` makes the key of this factor: what a terminal computes when the node asks.
    fn is_of(factor: &Factor, pin: &[u8]) -> bool {
        factor.stretch.as_ref().is_some_and(|stretch| {
            let key = stretched(pin, &stretch.salt, stretch.iterations).unwrap();
            key.public() == factor.public.as_slice()
        })
    }

    #[derive(Debug, Deserialize)]
    struct Terminal {
        factor: Vec<FactorSettings>,
    }

    fn settings(text: &str) -> Vec<FactorSettings> {
        toml::from_str::<Terminal>(text).unwrap().factor
    }

    #[test]
    fn r5_a_terminal_s_factors_are_checked_before_anything_is_sent() {
        let good = "[[factor]]\nname = \"face\"\nkind = \"biometrics\"\nkey = \"a.key\"\n\
                    [[factor]]\nname = \"pin\"\nkind = \"knowledge\"\npin_file = \"pin\"\n\
                    [[factor]]\nname = \"pin2\"\nkind = \"knowledge\"\n";
        assert!(settings(good).iter().all(|factor| factor.check().is_ok()));
        for (from, to) in [
            ("\"face\"", "\"Face\""),
            ("\"biometrics\"", "\"possession\""),
            ("\"biometrics\"", "\"knowledge\""),
            ("key = \"a.key\"\n", ""),
            ("key = \"a.key\"", "key = \"a.key\"\npin_file = \"pin\""),
        ] {
            let refused = settings(&good.replacen(from, to, 1))[0].check().unwrap_err();
            assert_eq!(refused.code, "BAD_CONFIG", "{to}");
        }
        let missing = settings(good)[0].authenticator(Path::new("/nowhere")).unwrap_err();
        assert_eq!(missing.code, "BAD_CONFIG");
    }

    #[test]
    fn what_is_printed_is_an_entry_that_a_register_takes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pin");
        std::fs::write(&path, "tanuki-42\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let pin = of_new_pin("pin", Some(&path)).unwrap();
        assert!(is_of(&pin, b"tanuki-42") && !is_of(&pin, b"tanuki-43"));
        let again = of_new_pin("pin", Some(&path)).unwrap();
        assert_ne!(pin.public, again.public, "one PIN twice is two keys");
        let key = SigningKey::from_pkcs8(&SigningKey::generate().unwrap()).unwrap();
        let face = of_key("face", FactorKind::Biometrics, &key);

        #[derive(Deserialize)]
        struct Entry {
            factor: Vec<Factor>,
        }
        #[derive(Deserialize)]
        struct File {
            staff: Vec<Entry>,
        }
        let text = format!("[[staff]]\n{}\n{}\n", entry("staff", &face), entry("staff", &pin));
        let file: File = toml::from_str(&text).unwrap();
        assert_eq!(file.staff[0].factor, [face, pin]);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(of_new_pin("pin", Some(&path)).unwrap_err().code, "PIN");
    }
}
