//! Policies made at random, most of them sound: every form that the reading of policies knows, and some that it does not.

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

const NUMBERS: &[&str] = &[
    "context.minute",
    "context.weekday",
    "context.persons_in_ten_minutes",
    "context.requests_in_minute",
    "context.factor_kinds",
    "principal.contract_days_left",
    "principal.training_age_days",
];
const TEXTS: &[(&str, &[&str])] = &[
    ("principal.kind", &["staff", "system", "portal", "maintenance", "auditor"]),
    ("principal.department", &["", "zeimu", "fukushi"]),
    ("principal.name", &["u-tax-07", "u-1", "m-ven-01"]),
    ("resource.affair", &["", "JM99000000001000", "JM99000000002000"]),
    ("resource.label_level", &["3A", "3B", "3C", "2"]),
    ("context.zone", &["closed", "lgwan"]),
    ("context.device", &["t-01", "t-02"]),
    ("context.proxy", &["none", "valid"]),
    ("context.effect", &["read", "write"]),
];
const TRUTHS: &[&str] =
    &["principal.home", "context.affair_held", "context.device_listed", "resource.approved"];
const SETS: &[(&str, &[&str])] = &[
    ("principal.roles", &["administrator", "approver", "reviewer", "clerk"]),
    ("principal.affairs", &["JM99000000001000", "JM99000000002000"]),
    ("resource.datasets", &["TM00000000000000", "TM00000000000001", "TM00000000000002"]),
];
const SCOPES: &[&str] = &[
    "action",
    "action in Action::\"data\"",
    "action in Action::\"work\"",
    "action == Action::\"copy_show\"",
    "action in [Action::\"logs\", Action::\"notice_send\"]",
    "action in Action::\"upkeep\"",
];

/// One policy.
pub(crate) fn policy(rng: &mut StdRng, number: usize) -> String {
    let does = match rng.random_range(0..5) {
        0 => "@step_up(\"600\")",
        1 => "@step_up(\"20000\")",
        2 => "@result(\"OUTSIDE_WINDOW\")",
        _ => "",
    };
    let principal = match rng.random_range(0..8) {
        0 => "principal == Identity::\"chukei://body/982024/staff/u-1\"",
        1 => "principal is Identity",
        _ => "principal",
    };
    let resource = if rng.random_bool(0.1) { "resource == Target::\"982016\"" } else { "resource" };
    let scope = SCOPES.choose(rng).unwrap();
    let mut conditions = format!("when {{ {} }}", condition(rng, 3));
    if rng.random_bool(0.4) {
        conditions += &format!("\nunless {{ {} }}", condition(rng, 2));
    }
    format!(
        "@id(\"p{number}\") {does} @reason_en(\"test\") @reason_ja(\"試験\")\nforbid ({principal}, {scope}, {resource})\n{conditions};\n"
    )
}

fn condition(rng: &mut StdRng, depth: usize) -> String {
    if depth == 0 {
        return atom(rng);
    }
    let (left, right) = (condition(rng, depth - 1), condition(rng, depth - 1));
    match rng.random_range(0..10) {
        0..=3 => format!("({left} && {right})"),
        4..=5 => format!("({left} || {right})"),
        6 => format!("!({left})"),
        7 => format!("(if {left} then {right} else {})", atom(rng)),
        _ => atom(rng),
    }
}

fn literal(rng: &mut StdRng) -> i64 {
    *[-1, 0, 1, 2, 3, 299, 300, 301, 480, 540, 600, 601, 1320, 100_000].choose(rng).unwrap()
}

fn atom(rng: &mut StdRng) -> String {
    let number = NUMBERS.choose(rng).unwrap();
    let (text, values) = TEXTS.choose(rng).unwrap();
    let (set, members) = SETS.choose(rng).unwrap();
    let (value, member) = (values.choose(rng).unwrap(), members.choose(rng).unwrap());
    let compare = ["<", "<=", ">", ">=", "==", "!="].choose(rng).unwrap();
    let first = literal(rng);
    match rng.random_range(0..40) {
        0..=7 => format!("{number} {compare} {first}"),
        8..=9 => format!("{first} {compare} {number}"),
        10 => format!("[{first}, {}].contains({number})", literal(rng)),
        11..=15 => format!("{text} == \"{value}\""),
        16..=17 => format!("\"{value}\" != {text}"),
        18..=20 => format!("[\"{value}\", \"{}\"].contains({text})", values.choose(rng).unwrap()),
        21..=23 => format!("{set}.contains(\"{member}\")"),
        24..=25 => {
            let function = ["containsAny", "containsAll"].choose(rng).unwrap();
            format!("{set}.{function}([\"{member}\", \"{}\"])", members.choose(rng).unwrap())
        }
        26..=29 => (*TRUTHS.choose(rng).unwrap()).to_owned(),
        30 => format!("{} == {}", TRUTHS.choose(rng).unwrap(), TRUTHS.choose(rng).unwrap()),
        31 => "action == Action::\"copy_show\"".to_owned(),
        32 => "action in Action::\"work\"".to_owned(),
        33 => "principal == Identity::\"chukei://body/982016/staff/u-tax-07\"".to_owned(),
        34 => format!("{text} like \"*{}*\"", &value[..value.len().min(1)]),
        35 => format!("principal.affairs.contains({})", TEXTS[3].0),
        36 => format!("{set}.isEmpty()"),
        37 => format!("{number} + {first} {compare} {}", NUMBERS.choose(rng).unwrap()),
        // Overflows for some values: the policy then cannot be evaluated.
        38 => format!("{number} * 9223372036854775807 > 0"),
        _ => format!("(if {} then {number} else {first}) {compare} 1", TRUTHS.choose(rng).unwrap()),
    }
}
