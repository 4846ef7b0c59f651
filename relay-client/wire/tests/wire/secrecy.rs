//! What points at a person is not printed (R2): values, texts and codes never reach a log through `Debug`.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::samples::{self, Visit};

struct Printed(String);

impl Visit for Printed {
    fn message<T: Serialize + DeserializeOwned + PartialEq + Debug>(&mut self, name: &str, value: &T) {
        self.0.push_str(&format!("{name}: {value:?}\n"));
    }
}

#[test]
fn no_message_prints_a_person_or_a_value() {
    let mut printed = Printed(String::new());
    samples::visit(&mut printed);
    printed.0.push_str(&format!("{:?} {:?}", samples::hops(), samples::claims()));
    for canary in ["000009820160101", "①髙﨑～", "窓口", "受付方法", "健診", "AQ1-abc", "17, 17, 17"]
    {
        assert!(!printed.0.contains(canary), "{canary}");
    }
}
