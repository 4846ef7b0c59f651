//! The platform's register: believed whole, signed and newest, or not at all (R24); over, it knows nobody.

use std::fs;

use chukei_crypto::sign::SigningKey;
use chukei_relay_client::signed::{sign, signature_path};
use tempfile::TempDir;

use super::*;

const ISSUED_MS: u64 = 1_795_219_200_000;
const DAY: u64 = 86_400_000;

struct Desk {
    dir: TempDir,
    root: SigningKey,
}

impl Desk {
    fn set() -> Self {
        let root = SigningKey::from_pkcs8(&SigningKey::generate().unwrap()).unwrap();
        let desk = Self { dir: tempfile::tempdir().unwrap(), root };
        fs::write(desk.place().root, data_encoding::HEXLOWER.encode(&desk.root.public())).unwrap();
        desk
    }

    fn place(&self) -> PlatformPlace {
        let at = |name: &str| self.dir.path().join(name);
        PlatformPlace { file: at("platform.toml"), root: at("root.pub") }
    }

    fn write(&self, text: &str) {
        let place = self.place();
        fs::write(&place.file, text).unwrap();
        let signature = sign(PLATFORM_PURPOSE, text.as_bytes(), &self.root);
        fs::write(signature_path(&place.file), signature).unwrap();
    }
}

/// Issued on the first day and `days` later, for thirty.
fn text(days: u64, name: &str) -> String {
    let moment = |days: u64| format!("2026-11-{:02}T00:00:00Z", 1 + days);
    format!(
        "issued = \"{}\"\nuntil = \"2026-12-01T00:00:00Z\"\n\n[[platform]]\nname = \"{name}\"\nkind = \"operator\"\n\
         valid = {{ from = \"2026-04-01\", until = \"2027-03-31\" }}\n",
        moment(days)
    )
}

/// Whether the operator of this name is known so long after the first day.
fn knows(platform: &WatchedPlatform, name: &str, after_ms: u64) -> bool {
    platform.now(ISSUED_MS + after_ms).person("operator", name).is_some()
}

#[test]
fn r24_a_new_register_comes_into_force_and_nothing_else_does() {
    let desk = Desk::set();
    desk.write(&text(3, "o-ops-01"));
    let platform = WatchedPlatform::open(desk.place()).unwrap();
    let knows = |name: &str| knows(&platform, name, 0);
    assert!(knows("o-ops-01") && !knows("o-ops-02"));
    assert_eq!(platform.look(), PlatformLook::Same);
    desk.write(&text(4, "o-ops-02"));
    assert_eq!(platform.look(), PlatformLook::Read);
    assert!(knows("o-ops-02") && !knows("o-ops-01"));

    let told = |fault: PlatformFault| {
        assert_eq!(platform.look(), PlatformLook::Same, "it may be a replacement in progress");
        assert_eq!(platform.look(), PlatformLook::Fault(fault));
        assert_eq!(platform.look(), PlatformLook::Same, "told of once");
        assert!(knows("o-ops-02"));
    };
    fs::write(desk.place().file, text(5, "o-ops-03")).unwrap();
    told(PlatformFault::Tampered);
    desk.write(&text(3, "o-ops-01"));
    told(PlatformFault::Older);
    fs::remove_file(desk.place().file).unwrap();
    told(PlatformFault::Unreadable);
    desk.write(&text(5, "o-ops-03"));
    assert_eq!(platform.look(), PlatformLook::Read);
    assert!(knows("o-ops-03"));
}

#[test]
fn r4_after_its_end_nobody_of_the_platform_is_known() {
    let desk = Desk::set();
    desk.write(&text(3, "o-ops-01"));
    let platform = WatchedPlatform::open(desk.place()).unwrap();
    assert!(knows(&platform, "o-ops-01", 0));
    assert!(!knows(&platform, "o-ops-01", 10 * DAY));
    for other in ["maintenance", "staff"] {
        assert!(platform.now(ISSUED_MS).person(other, "o-ops-01").is_none(), "the same name as another kind");
    }
}

#[test]
fn r24_a_start_on_another_s_register_is_refused_and_without_one_nobody_is_known() {
    let desk = Desk::set();
    assert_eq!(WatchedPlatform::open(desk.place()).unwrap_err(), PlatformFault::Unreadable);
    desk.write(&text(3, "o-ops-01"));
    let signed = fs::read(desk.place().file).unwrap();
    for place in [0, signed.len() / 2, signed.len() - 1] {
        let mut bytes = signed.clone();
        bytes[place] ^= 1;
        fs::write(desk.place().file, bytes).unwrap();
        assert_eq!(WatchedPlatform::open(desk.place()).unwrap_err(), PlatformFault::Tampered);
    }
    let nobody = WatchedPlatform::none();
    assert!(!knows(&nobody, "o-ops-01", 0));
    assert_eq!(nobody.look(), PlatformLook::Same);
}
