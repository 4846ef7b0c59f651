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
roles = ["contractor"]
valid = { from = "2026-04-01", until = "2027-03-31" }
"#;

/// Tickets for nodes and for a body, and a report.
const TICKETS: &str = r#"
[[health]]
device = "chukei://platform/device/p-01"
state = "healthy"
at = "2026-11-21T00:00:00Z"

[[ticket]]
id = "p8-1"
holder = "m-ven-01"
device = "chukei://platform/device/p-01"
from = "2026-11-21T00:00:00Z"
until = "2026-11-22T00:00:00Z"
actions = ["upkeep_status", "node_restart"]

[[body]]
code = "982016"

[[body.ticket]]
id = "p8-1"
holder = "m-ven-01"
device = "chukei://platform/device/p-01"
from = "2026-11-21T00:00:00Z"
until = "2026-11-22T00:00:00Z"
actions = ["backup_restore"]
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
    assert_eq!(register.person("operator", "o-ops-01").unwrap().roles, ["contractor"]);
    assert!(register.device("chukei://platform/device/p-01").is_some());
    assert!(register.device("p-01").is_none());
    assert!(register.until_ms() > register.issued_ms());
    let again = PlatformFile::parse(&PlatformFile::parse(TEXT).unwrap().to_toml().unwrap()).unwrap();
    assert_eq!(again.check().unwrap(), register);
}

#[test]
fn a_ticket_is_for_the_node_or_for_the_body_that_it_stands_under() {
    let text = format!("{TEXT}{TICKETS}");
    let register = PlatformFile::parse(&text).unwrap().check().unwrap();
    let actions = |body: Option<&str>, id: &str| {
        let ticket = register.ticket(body.map(|body| body.parse().unwrap()), id);
        ticket.map(|ticket| ticket.actions.join(" "))
    };
    assert_eq!(actions(None, "p8-1").as_deref(), Some("node_restart upkeep_status"));
    assert_eq!(actions(Some("982016"), "p8-1").as_deref(), Some("backup_restore"));
    assert_eq!((actions(Some("982024"), "p8-1"), actions(None, "p8-2")), (None, None));
    assert!(register.health("chukei://platform/device/p-01").is_some());
    assert_eq!(register.health("p-01"), None);
    let again = PlatformFile::parse(&PlatformFile::parse(&text).unwrap().to_toml().unwrap()).unwrap();
    assert_eq!(again.check().unwrap(), register);
}

#[test]
fn r2_a_ticket_is_for_upkeep_by_somebody_of_the_platform_on_a_device_of_theirs() {
    let of_node = TICKETS.split_once("[[ticket]]").unwrap().1.split_once("[[body]]").unwrap().0;
    for (from, to, why) in [
        ("\"node_restart\"", "\"copy_show\"", Why::Action),
        ("\"node_restart\"", "\"node_restart\", \"node_restart\"", Why::List),
        ("holder = \"m-ven-01\"", "holder = \"m-ven-02\"", Why::Device),
        ("holder = \"m-ven-01\"", "holder = \"o-ops-01\"", Why::Device),
        ("until = \"2026-11-22T00:00:00Z\"", "until = \"2027-01-22T00:00:00Z\"", Why::Period),
        ("actions", "action", Why::Syntax),
    ] {
        assert!(of_node.contains(from), "{from}");
        assert_eq!(refused(&format!("{TEXT}[[ticket]]{}", of_node.replace(from, to))), why, "{to}");
    }
    assert_eq!(refused(&format!("{TEXT}{TICKETS}[[ticket]]{of_node}")), Why::Repeated);
    let report = "[[health]]\ndevice = \"chukei://platform/device/p-02\"\nstate = \"healthy\"\n\
                  at = \"2026-11-21T00:00:00Z\"\n";
    assert_eq!(refused(&format!("{TEXT}{report}")), Why::Device);
}

#[test]
fn what_contradicts_itself_or_is_misspelt_is_refused_whole() {
    for (from, to, why) in [
        ("kind = \"operator\"", "kind = \"staff\"", Why::Syntax),
        ("roles =", "rolls =", Why::Syntax),
        ("until = \"2027-11-21T00:00:00Z\"", "until = \"2026-11-21T00:00:00Z\"", Why::Period),
        ("\"contractor\"", "\"device_manager\"", Why::RoleOfKind),
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
