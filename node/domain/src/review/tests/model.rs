//! The queue and its rules against a model that looks at the whole history, slowly (R7).

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// One step of a random history.
#[derive(Clone, Debug)]
enum Step {
    Look { who: u8, minutes: u64, elsewhere: bool, factor: bool, many: bool, delegation: Option<u8> },
    Sign { number: u64, by: u8, missed: u64, durable: bool },
    Flush,
}

fn step() -> impl Strategy<Value = Step> {
    let look = (0_u8..3, 0_u64..200, any::<bool>(), any::<bool>(), any::<bool>(), prop::option::of(0_u8..2));
    prop_oneof![
        6 => look.prop_map(|(who, minutes, elsewhere, factor, many, delegation)| {
            Step::Look { who, minutes, elsewhere, factor, many, delegation }
        }),
        1 => (1_u64..12, 0_u8..4, prop_oneof![3 => Just(0), 1 => 1..3_u64], any::<bool>())
            .prop_map(|(number, by, missed, durable)| Step::Sign { number, by, missed, durable }),
        1 => Just(Step::Flush),
    ]
}

/// An open item of the model.
struct Kept {
    rule: Rule,
    subject: String,
    day: u32,
    count: u64,
    actors: Vec<String>,
}

impl Kept {
    fn is(&self, rule: Rule, subject: &str, day: u32) -> bool {
        self.rule == rule && (rule == Rule::QueueFull || (self.subject == subject && self.day == day))
    }

    fn add(&mut self, who: &str) {
        self.count += 1;
        if self.rule == Rule::Delegated && !self.actors.contains(&who.to_owned()) {
            self.actors.push(who.to_owned());
        }
    }
}

/// The rules once more, over the whole history, slowly.
#[derive(Default)]
struct Model {
    tries: Vec<(u8, bool, u64)>,
    open: BTreeMap<u64, Kept>,
    last: u64,
}

impl Model {
    fn window(&mut self, who: u8, factor: bool, now_ms: u64, limit: usize) -> bool {
        self.tries.push((who, factor, now_ms));
        let within = |(w, f, at): &&(u8, bool, u64)| *w == who && *f == factor && now_ms - at < WINDOW_MS;
        self.tries.iter().filter(within).count() >= limit
    }

    fn add(&mut self, rule: Rule, subject: &str, who: &str, day: u32, most: usize) {
        if let Some(item) = self.open.values_mut().find(|item| item.is(rule, subject, day)) {
            return item.add(who);
        }
        let full = self.open.values().filter(|item| item.rule != Rule::QueueFull).count() >= most;
        let (rule, subject) = if full { (Rule::QueueFull, "") } else { (rule, subject) };
        if full && let Some(item) = self.open.values_mut().find(|item| item.is(rule, subject, day)) {
            return item.add(who);
        }
        self.last += 1;
        let mut item = Kept { rule, subject: subject.to_owned(), day, count: 0, actors: Vec::new() };
        item.add(who);
        self.open.insert(self.last, item);
    }
}

proptest! {
    #[test]
    fn r7_the_queue_does_what_a_model_does(steps in prop::collection::vec(step(), 1..120)) {
        const MOST: usize = 5;
        let (limits, mut watch, mut queue, mut model) =
            (limits(), Watch::default(), Queue::of_at_most(MOST), Model::default());
        let name = |who: u8| format!("chukei://body/982016/staff/u-{who}");
        let mut now_ms = NOON;
        for step in steps {
            match step {
                Step::Look { who, minutes, elsewhere, factor, many, delegation } => {
                    now_ms += minutes * 60_000;
                    let (identity, delegation) = (name(who), delegation.map(|d| format!("d-{d}")));
                    let observation = Observation {
                        identity: &identity, human: false, elsewhere, failed_factor: factor,
                        persons: if many { 301 } else { 3 }, delegation: delegation.as_deref(), ..seen(now_ms)
                    };
                    for rule in watch.look(&limits, &observation).iter() {
                        queue.add(rule, &observation);
                    }
                    let day = day_of(now_ms);
                    if many {
                        model.add(Rule::ManyPersons, &identity, &identity, day, MOST);
                    }
                    let again = elsewhere && model.window(who, false, now_ms, 5);
                    if again {
                        model.add(Rule::RefusedElsewhere, &identity, &identity, day, MOST);
                    }
                    if let Some(delegation) = &delegation {
                        model.add(Rule::Delegated, delegation, &identity, day, MOST);
                    }
                    if factor && model.window(who, true, now_ms, 3) {
                        model.add(Rule::FailedFactors, &identity, &identity, day, MOST);
                    }
                }
                Step::Sign { number, by, missed, durable } => {
                    let by = name(by);
                    let signature = Signature { by: by.clone(), at_ms: now_ms, note: "確認しました".to_owned() };
                    let expected = match model.open.get(&number) {
                        None => Err(SignRefusal::Unknown),
                        Some(item) if item.subject == by || item.actors.contains(&by) => Err(SignRefusal::Own),
                        Some(_) if missed > 0 => Err(SignRefusal::Outdated),
                        Some(_) => Ok(number),
                    };
                    let there = model.open.get(&number).map_or(0, |item| item.count);
                    let begun = queue.begin_to_sign(number, there.wrapping_sub(missed), signature);
                    prop_assert_eq!(begun.as_ref().map(|item| item.number).map_err(|why| *why), expected);
                    if begun.is_ok() {
                        queue.end_signing(number, durable);
                        if durable {
                            model.open.remove(&number);
                        }
                    }
                }
                Step::Flush => {
                    for (item, revision) in queue.unwritten_items(usize::MAX) {
                        queue.written(item.number, revision);
                        queue.told(item.number);
                    }
                    prop_assert!(!queue.is_urgent());
                }
            }
            let shown: Vec<_> = queue
                .items(0)
                .map(|item| (item.number, item.rule, item.subject.clone(), item.count, item.actors.clone()))
                .collect();
            let expected: Vec<_> = model
                .open
                .iter()
                .map(|(number, item)| (*number, item.rule, item.subject.clone(), item.count, item.actors.clone()))
                .collect();
            prop_assert_eq!(shown, expected);
            prop_assert!(queue.len() <= MOST + 1);
            let read: Vec<Item> =
                queue.items(0).map(|item| Item::from_bytes(&item.to_bytes().unwrap()).unwrap()).collect();
            prop_assert_eq!(read, queue.items(0).cloned().collect::<Vec<_>>());
        }
    }

    #[test]
    fn bytes_of_an_item_have_one_form(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(item) = Item::from_bytes(&bytes) {
            prop_assert_eq!(item.to_bytes().unwrap(), bytes);
        }
    }
}
