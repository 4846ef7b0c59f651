//! The walk through every function: three bodies of 10,000 persons, and every answer compared.

use std::collections::BTreeSet;
use std::time::Duration;

use chukei_harness::layout::BODIES;
use chukei_harness::stack::Stack;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, IteratorRandom};
use rand::{Rng, SeedableRng};

use crate::copies::{self, Files, SEED};
use crate::error::{DemoError, same};
use crate::notices::{self, Target};
use crate::own_information::{self, Question};
use crate::persons::{self, Person};
use crate::steps::Steps;
use crate::totals::Totals;
use crate::two_persons::{self, Leaver};
use crate::{audit, expiry, provisions, restart};

const PERSONS: usize = 10_000;
/// Registered rows of each file: six files hold more than 100,000.
const GOOD_ROWS: usize = 17_000;
const REQUESTS: usize = 1_000;
const NOTICES: usize = 500;
/// Questions asked again after each power cut.
const QUESTIONS_AFTER_KILL: usize = 30;
const READY_WITHIN: Duration = Duration::from_secs(120);
const DATASETS: [&str; 5] =
    ["TM00000000000001", "TM00000000000002", "TM00000000000004", "TM00000000000009", "TM00000000000080"];

/// What is known of one body.
struct Known {
    body: &'static str,
    persons: Vec<Person>,
    files: Files,
}

/// Walks through everything. `totals` holds what was done, also where something went wrong.
pub(crate) fn walk(stack: &Stack, totals: &mut Totals) -> Result<(), DemoError> {
    let mut steps = Steps::new();
    steps.step(
        "Broker, node and portal start",
        "中継・ノード・模擬ポータルの起動",
        1,
        |_| Ok(stack.wait_ready(READY_WITHIN)?),
    )?;
    let known = fill(stack, &mut steps, totals)?;
    let questions = questions(&known);
    steps.step("A thousand persons ask for their own information", "自己情報表示", REQUESTS, |bar| {
        let score = own_information::ask(stack.layout(), questions.clone(), bar)?;
        totals.self_info_done = score.answered;
        totals.mismatches = score.mismatches;
        same("mismatches", &0, &score.mismatches)
    })?;
    steps.step("Staff see what was provided", "提供状況確認", BODIES.len(), |bar| {
        provisions::check(stack.layout(), &questions, bar)
    })?;
    let sent = correspond(stack, &mut steps, totals, &known)?;
    let few: Vec<Question> = questions.iter().take(QUESTIONS_AFTER_KILL).cloned().collect();
    steps.step(
        "Power cut of each role in turn",
        "各プロセスの強制終了と自動復旧",
        3 * few.len(),
        |bar| {
            let mismatches = restart::kill_each(stack, &few, bar)?;
            totals.mismatches += mismatches;
            same("mismatches after power cuts", &0, &mismatches)
        },
    )?;
    let leaver = leaver(&known, &few, &sent)?;
    steps.step(
        "Two persons erase somebody, after the waiting period",
        "暗号化消去(二人承認)",
        two_persons::PARTS,
        |bar| two_persons::erase(stack.layout(), &leaver, bar),
    )?;
    steps.step(
        "31 days later, expired notices are gone",
        "保存期間の経過と自動消去",
        2 * sent.len(),
        |bar| {
            totals.erased = expiry::expire(stack.layout(), &sent, bar)?;
            same("erased notices", &(sent.len() as u64), &totals.erased)
        },
    )?;
    steps.step("The log of every body opens, unbroken", "記録の検証", BODIES.len(), |bar| {
        totals.audit_verified = audit::verify(stack.layout(), bar)?;
        Ok(())
    })?;
    same("roles that died by themselves", &0, &stack.deaths().len())?;
    steps.finish();
    Ok(())
}

/// Persons and copies of every body.
fn fill(stack: &Stack, steps: &mut Steps, totals: &mut Totals) -> Result<Vec<Known>, DemoError> {
    let layout = stack.layout();
    let persons = steps.step(
        "Persons are registered and enrolled",
        "宛名と符号の取得",
        BODIES.len(),
        |bar| {
            let mut all = Vec::new();
            for body in BODIES {
                all.push((body.code, persons::add_and_enrol(layout, body.code, PERSONS)?));
                bar.inc(1);
            }
            persons::enrol_again(layout, BODIES[0].code, PERSONS)?;
            Ok(all)
        },
    )?;
    let known =
        steps.step("Rows are made, bad ones among them", "副本データの生成", BODIES.len(), |bar| {
            let mut all = Vec::new();
            for (body, persons) in persons {
                let files = copies::write(layout, body, &persons, GOOD_ROWS)?;
                all.push(Known { body, persons, files });
                bar.inc(1);
            }
            Ok(all)
        })?;
    steps.step("Copies in, in both encodings", "副本登録", 2 * known.len(), |bar| {
        for Known { body, files, .. } in &known {
            for (path, expected) in [&files.first, &files.second] {
                totals.registered += copies::import(layout, body, path, expected)?;
                bar.inc(1);
            }
        }
        Ok(())
    })?;
    steps.step(
        "The same files again change nothing",
        "同じファイルの再登録",
        known.len(),
        |bar| {
            for Known { body, files, .. } in &known {
                let (path, expected) = &files.second;
                copies::import(layout, body, path, &expected.repeated())?;
                bar.inc(1);
            }
            Ok(())
        },
    )?;
    Ok(known)
}

/// Notices there, answers back.
fn correspond(
    stack: &Stack,
    steps: &mut Steps,
    totals: &mut Totals,
    known: &[Known],
) -> Result<Vec<notices::Sent>, DemoError> {
    let layout = stack.layout();
    let targets = targets(known);
    let sent = steps.step("Five hundred notices are sent", "お知らせの登録", targets.len(), |bar| {
        let sent = notices::send(layout, &targets, bar)?;
        if let (Some(target), Some(first)) = (targets.first(), sent.first()) {
            notices::refuse(layout, target, first)?;
        }
        Ok(sent)
    })?;
    steps.step("They stand in their persons' folders, once", "お知らせの配信", sent.len(), |bar| {
        totals.notices_delivered = notices::delivered(layout, &sent, bar)?;
        same("delivered notices", &(sent.len() as u64), &totals.notices_delivered)
    })?;
    steps.step("Persons read and answer", "お知らせの閲覧と回答", sent.len(), |bar| {
        notices::read_and_answer(layout, &sent, bar)
    })?;
    steps.step("The bodies pull states and answers", "お知らせの状況確認", sent.len(), |bar| {
        totals.answers = notices::pull(layout, &sent, bar)?;
        Ok(())
    })?;
    Ok(sent)
}

/// Somebody with data who is asked about no more and gets no notice.
fn leaver(known: &[Known], asked: &[Question], sent: &[notices::Sent]) -> Result<Leaver, DemoError> {
    let concerned: BTreeSet<&str> = {
        let asked = asked.iter().map(|question| question.user.as_str());
        asked.chain(sent.iter().map(|notice| notice.person.user.as_str())).collect()
    };
    let of = |known: &Known| {
        let truth = &known.files.truth;
        truth.places().find_map(|(index, dataset)| {
            let person =
                known.persons.get(index).filter(|person| !concerned.contains(person.user.as_str()))?;
            let question = Question::new(known.body, person, index, dataset, truth);
            let addressee = person.addressee.clone();
            (!question.expected.is_empty()).then_some(Leaver { addressee, question })
        })
    };
    let nobody = || DemoError::Wrong {
        what: "somebody to erase".to_owned(),
        expected: "a person with data".to_owned(),
        found: "none".to_owned(),
    };
    known.iter().find_map(of).ok_or_else(nobody)
}

/// A thousand questions: most for places that hold records, some for any place at all.
fn questions(known: &[Known]) -> Vec<Question> {
    let mut random = StdRng::seed_from_u64(SEED);
    let places: Vec<Vec<(usize, &str)>> =
        known.iter().map(|known| known.files.truth.places().collect()).collect();
    // One question for a person: a second one's answer could be erased by the first one's logout.
    let mut asked = BTreeSet::new();
    let mut questions = Vec::with_capacity(REQUESTS);
    for (known, places) in known.iter().zip(&places).cycle() {
        if questions.len() == REQUESTS {
            break;
        }
        let anywhere = random.random_bool(0.1);
        let place =
            if anywhere { any_place(known, &mut random) } else { places.choose(&mut random).copied() };
        let Some((index, dataset)) = place else { continue };
        let Some(person) = known.persons.get(index) else { continue };
        if asked.insert((known.body, index)) {
            questions.push(Question::new(known.body, person, index, dataset, &known.files.truth));
        }
    }
    questions
}

fn any_place(known: &Known, random: &mut StdRng) -> Option<(usize, &'static str)> {
    let index = random.random_range(0..known.persons.len().max(1));
    DATASETS.into_iter().choose(random).map(|dataset| (index, dataset))
}

fn targets(known: &[Known]) -> Vec<Target<'_>> {
    let mut random = StdRng::seed_from_u64(SEED + 1);
    let drawn = known.iter().cycle().take(NOTICES).enumerate();
    drawn
        .filter_map(|(number, known)| {
            let person = known.persons.choose(&mut random)?;
            Some(Target { number, body: known.body, person })
        })
        .collect()
}
