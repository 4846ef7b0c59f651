//! The founding document of a body of the stack: whom it knows before anybody has changed anything.

use std::collections::BTreeMap;

use chukei_domain::day::{Day, day_of};

use super::{AFFAIRS, APPROVER, AUDITOR, CARE_CLERK, DEVICE, PLATFORM_DEVICE, STAFF, SYSTEM};

/// Public keys of everybody's factor `face`, in hexadecimal, by name.
pub(super) type Faces = BTreeMap<String, String>;

/// Long before and after any time that a stack's clock is set to.
const VALID: &str = "{ from = \"2020-04-01\", until = \"2099-03-31\" }";

struct Person {
    name: &'static str,
    kind: &'static str,
    roles: &'static str,
    department: &'static str,
    affairs: &'static [&'static str],
}

const PEOPLE: [Person; 5] = [
    Person {
        name: STAFF,
        kind: "staff",
        roles: "\"clerk\", \"administrator\", \"requester\", \"reviewer\", \"device_manager\"",
        department: "zeimu",
        affairs: &AFFAIRS,
    },
    Person {
        name: CARE_CLERK,
        kind: "staff",
        roles: "\"clerk\"",
        department: "fukushi",
        affairs: &[AFFAIRS[1]],
    },
    Person { name: APPROVER, kind: "staff", roles: "\"approver\"", department: "somu", affairs: &[] },
    Person {
        name: SYSTEM,
        kind: "system",
        roles: "\"clerk\", \"device_manager\"",
        department: "",
        affairs: &AFFAIRS,
    },
    Person { name: AUDITOR, kind: "auditor", roles: "", department: "kansa", affairs: &[] },
];

/// The document of `body`, whose people were trained on the day of `now_ms`.
pub(super) fn text(body: &str, faces: &Faces, now_ms: u64) -> String {
    let trained_on = Day::from_number(day_of(now_ms));
    let mut text = format!("body = \"{body}\"\n");
    for person in PEOPLE {
        let Person { name, kind, roles, department, affairs } = person;
        text.push_str(&format!(
            "\n[[staff]]\nname = \"{name}\"\nkind = \"{kind}\"\nroles = [{roles}]\n\
             department = \"{department}\"\naffairs = {affairs:?}\nvalid = {VALID}\n\
             trained_on = \"{trained_on}\"\n"
        ));
        if let Some(public) = faces.get(name) {
            text.push_str(&format!(
                "\n[[staff.factor]]\nname = \"face\"\nkind = \"biometrics\"\npublic = \"{public}\"\n"
            ));
        }
    }
    for device in [DEVICE.to_owned(), format!("chukei://platform/device/{PLATFORM_DEVICE}")] {
        text.push_str(&format!("\n[[device]]\nname = \"{device}\"\nzone = \"closed\"\nlisted = {VALID}\n"));
    }
    for function in ["copies", "self_info", "notices"] {
        text.push_str(&format!(
            "\n[[function]]\nfunction = \"{function}\"\nmode = \"live\"\n\
             reference = \"諮問2026-01\"\nfrom = \"2020-04-01\"\n"
        ));
    }
    text
}
