//! Notice files: a usable notice, of which each test changes what it is about.

use serde_json::{Value, json};

use crate::person::Person;
use crate::stage::{Stage, until};

/// The tax affair.
pub(crate) const TAX_AFFAIR: &str = "JM99000000001000";

/// A notice with three choices that is kept for thirty days. `key` is its idempotency key.
pub(crate) fn notice(key: &str, targets: &[&Person]) -> Value {
    let targets: Vec<&str> = targets.iter().map(|person| person.addressee.as_str()).collect();
    json!({
        "idempotency_key": key,
        "affair": TAX_AFFAIR,
        "title": "受取方法のご案内",
        "body": "受取方法をお選びください。",
        "choices": [
            { "id": "A", "label": "窓口" }, { "id": "B", "label": "郵送" }, { "id": "C", "label": "不要" },
        ],
        "attachments": [],
        "retention_days": 30,
        "targets": targets,
    })
}

/// The notice with one member changed.
pub(crate) fn with(mut notice: Value, member: &str, value: Value) -> Value {
    notice[member] = value;
    notice
}

impl Stage {
    /// Sends a notice and returns its id.
    pub(crate) fn send(&self, body: &str, notice: &Value) -> String {
        let file = self.written("notice.json", notice.to_string());
        let sent = self.staff(body, &["notice", "send", &file]).done();
        sent["notice_id"].as_str().unwrap().to_owned()
    }

    /// The name under which a notice is refused.
    pub(crate) fn send_refused(&self, body: &str, notice: &Value) -> String {
        let file = self.written("notice.json", notice.to_string());
        self.staff(body, &["notice", "send", &file]).refused()
    }

    /// How often a notice stands in a person's list at the portal.
    pub(crate) fn times_listed(&self, user: &str, notice: &str) -> usize {
        let listed = self.portal(&["notices", "--person", user]).done();
        listed["notices"].as_array().unwrap().iter().filter(|listed| listed["notice_id"] == notice).count()
    }

    /// Waits until a notice stands in a person's list.
    pub(crate) fn until_listed(&self, user: &str, notice: &str) {
        until("the notice at the portal", || (self.times_listed(user, notice) > 0).then_some(()));
    }
}
