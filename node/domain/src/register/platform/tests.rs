//! The platform's register: unknown fields, contradictions and one person under two names are refused (R3, R24).

use super::*;

const TEXT: &str = r#"
issued = "2026-11-21T00:00:00Z"
until = "2027-11-21T00:00:00Z"

[[device]]
name = "chukei://platform/device/p-01"
zone = "closed"
listed = { from = "2026-04-01", until = "2027-03-31" }

[[platform]]
name = "m-ven-01"
kind = "maintenance"
valid = { from = "2026-04-01", until = "2027-03-31" }
contract = { from = "2026-04-01", until = "2027-03-31" }
devices = ["chukei://platform/device/p-01"]

[[platform.factor]]
name = "face"
kind = "biometrics"
public = "0101010101010101010101010101010101010101010101010101010101010101"

[[platform]]
name = "o-ops-01"
kind = "operator"
roles = ["device_manager"]
valid = { from = "2026-04-01", until = "2027-03-31" }
"#;

fn refused(text: &str) -> Why {
    PlatformFile::parse(text).and_then(PlatformFile::check).unwrap_err().why
}

#[test]
fn people_and_devices_are_found_by_what_certificates_say() {
    let register = PlatformFile::parse(TEXT).unwrap().check().unwrap();
    let person = register.person("maintenance", "m-ven-01").unwrap();
    assert_eq!(person.factor("face").unwrap().public, [1; 32]);
    assert!(person.factor("pin").is_none() && person.contract.is_some());
    assert_eq!(register.person("operator", "m-ven-01"), None);
    assert!(register.person("operator", "o-ops-01").unwrap().has_role("device_manager"));
    assert!(register.device("chukei://platform/device/p-01").is_some());
    assert!(register.device("p-01").is_none());
    assert!(register.until_ms() > register.issued_ms() && register.people() == 2);
    let again = PlatformFile::parse(&PlatformFile::parse(TEXT).unwrap().to_toml().unwrap()).unwrap();
    assert_eq!(again.check().unwrap(), register);
}

#[test]
fn what_contradicts_itself_or_is_misspelt_is_refused_whole() {
    for (from, to, why) in [
        ("kind = \"operator\"", "kind = \"staff\"", Why::Syntax),
        ("roles =", "rolls =", Why::Syntax),
        ("until = \"2027-11-21T00:00:00Z\"", "until = \"2026-11-21T00:00:00Z\"", Why::Period),
        ("\"device_manager\"", "\"administrator\"", Why::RoleOfKind),
        ("o-ops-01", "m-ven-01", Why::Repeated),
        (
            "devices = [\"chukei://platform/device/p-01\"]",
            "devices = [\"chukei://platform/device/p-02\"]",
            Why::Device,
        ),
        ("name = \"chukei://platform/device/p-01\"", "name = \"p-01\"", Why::Device),
        ("contract = { from = \"2026-04-01\", until = \"2027-03-31\" }\n", "", Why::Period),
        ("\"face\"", "\"FACE\"", Why::Name),
        ("kind = \"biometrics\"", "kind = \"knowledge\"", Why::Factor),
        ("o-ops-01", "123456789018", Why::IndividualNumber),
    ] {
        assert!(TEXT.contains(from), "{from}");
        assert_eq!(refused(&TEXT.replace(from, to)), why, "{to}");
    }
    let second = "\n[[platform.factor]]\nname = \"face\"\nkind = \"biometrics\"\n\
                  public = \"0101010101010101010101010101010101010101010101010101010101010101\"\n";
    assert_eq!(refused(&format!("{TEXT}{second}")), Why::SharedKey, "R3: one person under two names");
    assert_eq!(refused(&"#".repeat(PLATFORM_FILE_MAX + 1)), Why::TooLong);
}
