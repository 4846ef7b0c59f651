//! Step-up through the command line (R5, R6): a factor that was shown too long ago is shown again by the program itself,
//! once, and the operation is done once; one that is on record no more lifts nothing; where nothing can be shown, the
//! program says what to do.
//!
//! What must hold: time passes, and the register changes, between a proof and the operation behind it. So the way from
//! the terminal to the node leads through the test, which holds what comes behind the proof until that has happened.

use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chukei_domain::register::{Factor, FactorKind, RegisterFile};
use chukei_harness::layout::{CARE_CLERK, Layout, STAFF};
use chukei_harness::role::Role;
use chukei_ops::pki::Pki;
use chukei_relay_client::factor::FileKey;
use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::group::{Shared, Test, group};
use crate::hop::{LOOPBACK, address, key_file};
use crate::program::{Ended, with_config};
use crate::stage::{Stage, until};

const TESTS: &[Test<Aging>] = &[
    ("r6_a_factor_shown_too_long_ago_is_shown_again_and_the_act_is_asked_for_once", shown_again),
    ("r6_a_factor_taken_off_the_register_meanwhile_lifts_nothing", taken_off),
    ("r5_without_a_factor_the_program_says_what_to_do", without),
    ("r5_a_second_factor_of_the_same_kind_is_refused_by_its_name", same_kind),
];

pub(crate) fn trials() -> Vec<Trial> {
    group("step_up", TESTS)
}

const BODY: &str = "982016";
/// Longer than a factor is fresh.
const MINUTES: u64 = 11;
/// How soon the way ends behind its program.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Largest datagram of the loopback.
const DATAGRAM_MAX: usize = 65_536;

/// A stage whose proofs grow old. Its tests take turns: they share one clock.
struct Aging {
    stage: Stage,
    turns: Mutex<()>,
}

impl Shared for Aging {
    fn set() -> Result<Self, Failed> {
        Ok(Self { stage: Stage::start("step-up", second_face)?, turns: Mutex::default() })
    }

    fn keep(&self) {
        self.stage.keep();
    }
}

/// The member of staff has two factors of one kind.
fn second_face(layout: &Layout) {
    let pki = Pki::open(&layout.dir().join("pki")).unwrap();
    let path = pki.issue_factor(BODY.parse().ok(), STAFF, "face-2").unwrap();
    let public = FileKey::load("face-2", &path).unwrap().public().to_vec();
    let mut register = founding(layout);
    let kind = FactorKind::Biometrics;
    let factor = Factor { name: "face-2".to_owned(), kind, public, stretch: None };
    register.staff.iter_mut().find(|staff| staff.name == STAFF).unwrap().factors.push(factor);
    let text = register.to_toml().unwrap();
    pki.write_founding(BODY.parse().unwrap(), &text, layout.clock().now_ms()).unwrap();
}

/// What the body's register was founded with.
fn founding(layout: &Layout) -> RegisterFile {
    let text = std::fs::read_to_string(key_file(layout, &format!("founding-{BODY}.toml"))).unwrap();
    RegisterFile::parse(&text).unwrap()
}

impl Aging {
    fn turn(&self) -> MutexGuard<'_, ()> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Proofs of this person that the node has believed.
    fn proofs(&self, user: &str) -> usize {
        let log = std::fs::read_to_string(self.stage.layout().log(Role::Node)).unwrap();
        let caller = format!("chukei://body/{BODY}/staff/{user}\"");
        log.lines().filter(|line| line.contains("factor proven") && line.contains(&caller)).count()
    }

    /// Lets proofs grow old, and waits until the node shows that it has read the clock: its certificate lasts less long.
    fn pass(&self) {
        let left = || {
            let page = self.stage.stack.metrics(Role::Node).unwrap();
            let of_hop = |line: &&str| line.starts_with("chukei_certificate_days_left{certificate=\"hop\"");
            page.lines().find(of_hop).unwrap().rsplit(' ').next().unwrap().parse::<f64>().unwrap()
        };
        let before = left();
        self.stage.layout().set_clock(&format!("+{MINUTES}m")).unwrap();
        let passed = MINUTES as f64 / 1_440.0;
        until("the node to have read the clock", || (left() < before - passed).then_some(()));
    }

    /// A terminal whose configuration is that of `file`, changed.
    fn terminal(&self, file: &str, change: impl FnOnce(String) -> String) -> String {
        let text = std::fs::read_to_string(self.stage.layout().dir().join(file)).unwrap();
        let changed = change(text.clone());
        assert_ne!(changed, text);
        self.stage.written("terminal.toml", changed)
    }

    /// Runs a command of `user` at the terminal of `file`, and does `meanwhile` between the node's belief in the factor and
    /// whatever the program sends next.
    fn held(&self, user: &str, file: &str, args: &[&str], meanwhile: impl FnOnce() + Send) -> Ended {
        let node = address(self.stage.layout(), Role::Node, "staff");
        let [front, back] = [(); 2].map(|()| UdpSocket::bind(LOOPBACK).unwrap());
        back.connect(node).unwrap();
        for socket in [&front, &back] {
            socket.set_read_timeout(Some(LOOK_EVERY)).unwrap();
        }
        let by_way = front.local_addr().unwrap().to_string();
        let terminal = self.terminal(file, |text| text.replace(&node.to_string(), &by_way));
        let (before, caller, over) = (self.proofs(user), Mutex::new(None), AtomicBool::new(false));
        let (front, back, caller, over) = (&front, &back, &caller, &over);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let (mut datagram, mut meanwhile) = (vec![0; DATAGRAM_MAX], Some(meanwhile));
                while !over.load(Ordering::Relaxed) {
                    let Ok((length, from)) = front.recv_from(&mut datagram) else { continue };
                    *caller.lock().unwrap() = Some(from);
                    // The node tells its log before it tells the terminal.
                    if meanwhile.is_some() && self.proofs(user) > before {
                        meanwhile.take().into_iter().for_each(|act| act());
                    }
                    let _ = back.send(&datagram[..length]);
                }
            });
            scope.spawn(move || {
                let mut datagram = vec![0; DATAGRAM_MAX];
                while !over.load(Ordering::Relaxed) {
                    let Ok(length) = back.recv(&mut datagram) else { continue };
                    let to = caller.lock().unwrap().unwrap();
                    let _ = front.send_to(&datagram[..length], to);
                }
            });
            let ended = with_config("chukei", &terminal, args);
            over.store(true, Ordering::Relaxed);
            ended
        })
    }
}

fn shown_again(on: &Aging) {
    let _turn = on.turn();
    let person = &on.stage.persons(BODY, 1)[0];
    let before = on.proofs(STAFF);
    let asked = ["erase", "request", "--person", &person.addressee, "--reference", "R8-1"];
    let act = on.held(STAFF, &format!("staff-{BODY}.toml"), &asked, || on.pass()).done();
    assert_eq!(act["state"], "requested", "{act}");
    assert_eq!(on.proofs(STAFF), before + 2, "at the beginning, and once more");
    let listed = on.stage.staff(BODY, &["act", "list", "--open"]).done();
    let ids: Vec<&Value> = listed["acts"].as_array().unwrap().iter().map(|act| &act["act"]).collect();
    assert_eq!(ids, [&act["act"]], "asked for twice, and one act");
}

fn taken_off(on: &Aging) {
    let _turn = on.turn();
    let mut register = founding(on.stage.layout());
    register.staff.iter_mut().find(|staff| staff.name == CARE_CLERK).unwrap().factors.clear();
    let path = on.stage.written("register.toml", register.to_toml().unwrap());
    let ended = on.held(CARE_CLERK, &format!("care-{BODY}.toml"), &["catalogue", "list"], || {
        on.stage.staff(BODY, &["register", "load", &path]).done();
    });
    let refused = ended.ended_with(3);
    assert_eq!(refused["code"], "NOT_FOUND", "{refused}");
    assert!(refused["message"].as_str().unwrap().contains("face: 台帳に登録されていません"), "{refused}");
}

fn without(on: &Aging) {
    let _turn = on.turn();
    let cut = |text: String| {
        let (before, factor) = text.split_once("\n[[factor]]").unwrap();
        let (_, behind) = factor.split_once("\n[node]").unwrap();
        format!("{before}\n[node]{behind}")
    };
    let terminal = on.terminal(&format!("staff-{BODY}.toml"), cut);
    let refused = with_config("chukei", &terminal, &["catalogue", "list"]).ended_with(3);
    assert_eq!(refused["code"], "STEP_UP_REQUIRED", "{refused}");
    let message = refused["message"].as_str().unwrap();
    assert!(message.contains("[[factor]]") && message.contains("factor new"), "{message}");
}

fn same_kind(on: &Aging) {
    let _turn = on.turn();
    let key = format!("pki/factor-{BODY}-{STAFF}-face-2.key");
    let second = format!("\n[[factor]]\nname = \"face-2\"\nkind = \"biometrics\"\nkey = \"{key}\"\n");
    let terminal = on.terminal(&format!("staff-{BODY}.toml"), |text| text + &second);
    let refused = with_config("chukei", &terminal, &["catalogue", "list"]).ended_with(3);
    assert_eq!(refused["code"], "SAME_FACTOR_KIND", "{refused}");
    assert!(refused["message"].as_str().unwrap().contains("face-2: "), "{refused}");
}
