//! A body's register, changed by its administrator while others work: what it says is felt by the very next operation on
//! connections that live (R6); and what nobody may make of it, whoever administers it (R3, R23).

use std::sync::{Mutex, MutexGuard, PoisonError};

use chukei_domain::register::{Entry, Health, HealthState, Policy};
use chukei_harness::layout::{AFFAIRS, CARE_CLERK, DEVICE, STAFF};
use chukei_wire::codec::encode;
use chukei_wire::frame::{FRAME_HEAD, Outcome, Status};
use chukei_wire::header::{Header, Kind};
use chukei_wire::message::register::RegisterChangeRequest;
use chukei_wire::message::staff::{CopyShowRequest, PersonListRequest};
use chukei_wire::result::ResultName;
use data_encoding::HEXLOWER;
use libtest_mimic::{Failed, Trial};

use crate::copy_file::TAX;
use crate::group::{Shared, Test, group};
use crate::hop::{Caller, credentials, dial_staff, key_file};
use crate::program::Ended;
use crate::stage::Stage;

const TESTS: &[Test<Changed>] = &[
    ("r6_rights_that_change_are_felt_by_the_very_next_operation_on_a_live_connection", felt),
    ("r14_a_function_that_is_turned_off_is_off_for_the_very_next_operation", turned_off),
    ("r3_nobody_is_on_record_under_two_names_with_one_factor", two_names),
    ("r23_an_administrator_alone_changes_no_policy_reports_no_device_and_stays_no_second_person", alone),
    ("r4_the_last_administrator_stays", last_administrator),
];

pub(crate) fn trials() -> Vec<Trial> {
    group("registers", TESTS)
}

const BODY: &str = "982016";
const VALID: [&str; 4] = ["--from", "2020-04-01", "--until", "2099-03-31"];

/// A stage whose register the tests change, one at a time.
struct Changed {
    stage: Stage,
    turns: Mutex<()>,
}

impl Shared for Changed {
    fn set() -> Result<Self, Failed> {
        Ok(Self { stage: Stage::start("registers", |_| ())?, turns: Mutex::default() })
    }

    fn keep(&self) {
        self.stage.keep();
    }
}

impl Changed {
    fn turn(&self) -> MutexGuard<'_, ()> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn administrator(&self, args: &[&str]) -> Ended {
        self.stage.staff(BODY, args)
    }

    fn dialled(&self, name: &str) -> Caller {
        let own = credentials(self.stage.layout(), &format!("staff-{BODY}-{name}"));
        self.stage.runtime.block_on(dial_staff(self.stage.layout(), &own)).unwrap()
    }

    fn ask(&self, caller: &Caller, kind: Kind, affair: &str, message: Vec<u8>) -> Outcome {
        let header = Header { affair: Some(affair.to_owned()), ..caller.header(kind, BODY) };
        let reply = self.stage.runtime.block_on(caller.ask(&header, &[message]));
        assert_eq!(reply.error, None);
        let length = u32::from_be_bytes(reply.bytes[1..FRAME_HEAD].try_into().unwrap()) as usize;
        Status::from_bytes(&reply.bytes[FRAME_HEAD..FRAME_HEAD + length]).unwrap().outcome
    }

    /// The clerk of the care affair as they were, but for what `more` says.
    fn clerk(&self, more: &[&str]) -> Ended {
        let add = ["staff", "add", CARE_CLERK, "--replace", "--department", "fukushi"];
        self.administrator(&[&add[..], &VALID, more].concat())
    }

    fn today(&self) -> String {
        let now_ms = self.stage.layout().clock().now_ms();
        chukei_domain::day::Day::from_number(chukei_domain::day::day_of(now_ms)).to_string()
    }
}

fn refused(name: ResultName) -> Outcome {
    Outcome::Refused(name)
}

fn felt(changed: &Changed) {
    let _turn = changed.turn();
    let today = changed.today();
    let person = &changed.stage.persons(BODY, 1)[0];
    let clerk = changed.dialled(CARE_CLERK);
    let request = CopyShowRequest {
        integrated_addressee_number: person.addressee.clone(),
        info_name_code: TAX.to_owned(),
    };
    let show = || changed.ask(&clerk, Kind::CopyShow, AFFAIRS[1], encode(&request).unwrap());
    // Nothing is stored of this person: whoever is let in is told so.
    let (let_in, trained) = (refused(ResultName::NotFound), ["--role", "clerk", "--trained-on", &today]);
    let care = ["--affairs", AFFAIRS[1]];
    assert_eq!(show(), let_in);
    changed.clerk(&[&trained[..], &["--affairs", AFFAIRS[0]]].concat()).done();
    assert_eq!(show(), refused(ResultName::AffairNotAllowed));
    changed.clerk(&[&["--role", "clerk"][..], &care].concat()).done();
    assert_eq!(show(), refused(ResultName::Denied), "never trained");
    let over = ["staff", "add", CARE_CLERK, "--replace", "--from", "2020-04-01", "--until", "2020-04-02"];
    changed.administrator(&[&over[..], &trained, &care].concat()).done();
    assert_eq!(show(), refused(ResultName::NotPermitted), "no longer on record");
    changed.clerk(&[&trained[..], &care].concat()).done();
    // The factor stayed with the entry, and is believed as long as it is there.
    assert_eq!(show(), let_in);

    changed.administrator(&["staff", "remove", CARE_CLERK]).done();
    assert_eq!(show(), refused(ResultName::NotPermitted), "nobody");
    let face = factor_of(changed, CARE_CLERK);
    changed.clerk(&[&trained[..], &care, &["--factor", &face]].concat()).done();
    assert_eq!(
        show(),
        refused(ResultName::StepUpRequired),
        "the factor that was shown is none of theirs any more"
    );
}

fn turned_off(changed: &Changed) {
    let _turn = changed.turn();
    let person = &changed.stage.with_copies(BODY, 1)[0];
    let clerk = changed.dialled(STAFF);
    let request = CopyShowRequest {
        integrated_addressee_number: person.addressee.clone(),
        info_name_code: TAX.to_owned(),
    };
    let show = || changed.ask(&clerk, Kind::CopyShow, AFFAIRS[0], encode(&request).unwrap());
    let asked = || {
        let args = ["self-info", "--person", &person.user, "--body", BODY, "--dataset", TAX];
        changed.stage.portal(&args)
    };
    let enable = |function: &str, mode: &[&str]| {
        let args = ["body", "enable", function, "--from", "2020-04-01", "--mode"];
        changed.administrator(&[&args[..], mode].concat()).done();
    };
    let live = ["live", "--reference", "諮問2026-01"];
    assert_eq!(show(), Outcome::Answered);
    enable("copies", &["off"]);
    assert_eq!(show(), refused(ResultName::NotPermitted));
    assert_eq!(asked().done()["result"], "DONE", "the other functions are as they were");
    enable("copies", &live);
    assert_eq!(show(), Outcome::Answered);
    enable("self_info", &["off"]);
    assert_ne!(asked().code, Some(0));
    // On trial it reaches whom the body has named.
    let other = &changed.stage.with_copies(BODY, 1)[0];
    let named = changed.stage.written("persons", format!("{}\n", other.addressee));
    enable("self_info", &["trial", "--reference", "諮問2026-01", "--persons", &named]);
    assert_ne!(asked().code, Some(0), "none of the trial's");
    assert_eq!(changed.stage.self_info(&other.user, BODY, &[TAX])["result"], "DONE");
    enable("self_info", &live);
    assert_eq!(asked().done()["result"], "DONE");
}

/// The public half of somebody's factor, as the file that an entry takes factors from.
fn factor_of(changed: &Changed, name: &str) -> String {
    let path = key_file(changed.stage.layout(), &format!("factor-{BODY}-{name}-face.key"));
    let key = chukei_relay_client::factor::FileKey::load("face", &path).unwrap();
    let public = HEXLOWER.encode(&key.public());
    let text = format!("[[staff.factor]]\nname = \"other\"\nkind = \"biometrics\"\npublic = \"{public}\"\n");
    changed.stage.written("factor.toml", text)
}

fn two_names(changed: &Changed) {
    let _turn = changed.turn();
    let factor = factor_of(changed, STAFF);
    let twin = ["staff", "add", "u-twin-01", "--role", "approver", "--factor", &factor];
    let told = changed.administrator(&[&twin[..], &VALID].concat());
    assert_eq!(told.refused(), "BAD_FORMAT", "the second person would be the first");
    let again = ["staff", "add", STAFF, "--role", "approver"];
    let told = changed.administrator(&[&again[..], &VALID].concat());
    assert_eq!(told.code_at(2), "EXISTS", "a name is of one person");
    let listed = changed.administrator(&["staff", "list"]).done().to_string();
    assert!(!listed.contains("u-twin-01"), "{listed}");
}

fn alone(changed: &Changed) {
    let _turn = changed.turn();
    let administrator = changed.dialled(STAFF);
    let change = |entry: Entry| {
        let put = vec![entry.to_bytes().unwrap().into()];
        let request = RegisterChangeRequest { expected_version: 1 << 40, put, remove: Vec::new() };
        changed.ask(&administrator, Kind::RegisterChange, AFFAIRS[0], encode(&request).unwrap())
    };
    let text = "@id(\"a\") @result(\"DENIED\") @reason_en(\"No.\") @reason_ja(\"不可。\")\n\
                forbid (principal, action, resource);"
        .to_owned();
    let policy = Entry::Policy(Policy { name: "mine".to_owned(), text });
    assert_eq!(change(policy), refused(ResultName::TwoPersonRequired));
    let health = Health { device: DEVICE.to_owned(), state: HealthState::Healthy, at_ms: 1 };
    assert_eq!(change(Entry::Health(health)), refused(ResultName::NotPermitted));
    // Who makes an approver of themselves is an administrator as before, and approves nothing.
    let roles = ["administrator", "approver", "clerk", "requester", "reviewer", "device_manager"];
    let roles: Vec<&str> = roles.iter().flat_map(|role| ["--role", role]).collect();
    let today = changed.today();
    let own = ["staff", "add", STAFF, "--replace", "--department", "zeimu", "--trained-on", &today];
    let affairs = AFFAIRS.iter().flat_map(|affair| ["--affairs", affair]).collect::<Vec<_>>();
    changed.administrator(&[&own[..], &VALID, &roles, &affairs].concat()).done();
    let act = changed.stage.staff(BODY, &["keys", "copy", "--reference", "R8-1"]).done();
    let act = act["act"].as_str().unwrap();
    assert_eq!(changed.administrator(&["act", "approve", act]).refused(), "TWO_PERSON_REQUIRED");
    changed.administrator(&["act", "cancel", act]).done();
    let list = PersonListRequest { after: None };
    let listed = changed.ask(&administrator, Kind::PersonList, AFFAIRS[0], encode(&list).unwrap());
    assert_eq!(listed, Outcome::Answered, "and works on as before");
}

fn last_administrator(changed: &Changed) {
    let _turn = changed.turn();
    assert_eq!(changed.administrator(&["staff", "remove", STAFF]).refused(), "DENIED");
    let clerk = ["staff", "add", STAFF, "--replace", "--role", "clerk", "--affairs", AFFAIRS[0]];
    assert_eq!(changed.administrator(&[&clerk[..], &VALID].concat()).refused(), "DENIED");
    changed.administrator(&["staff", "list"]).done();
}
