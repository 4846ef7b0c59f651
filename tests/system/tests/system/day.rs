//! What is done with a person at a body on any day: for tests of the log it is told in.

use crate::notice_file::notice;
use crate::person::until_served;
use crate::stage::{Stage, until};

impl Stage {
    /// Enrols a new person, gives their information out and refuses what is none, sends them a notice, lets them ask for their
    /// records and staff look at the records, search the log and withhold a person's mark from the list of exchanges.
    pub(crate) fn a_day(&self, body: &str) {
        let person = self.with_copies(body, 1).remove(0);
        until_served(self, body, &person);
        assert_eq!(self.self_info_refused(&person.user, body, "TM99999999999999"), "UNKNOWN_INFO_NAME");
        let sent = self.send(body, &notice(&format!("day-{}", person.addressee), &[&person]));
        self.until_listed(&person.user, &sent);
        until("the person's records", || {
            (self.portal(&["records", "--person", &person.user]).code == Some(0)).then_some(())
        });
        self.staff(body, &["exchange", "list", "--person", &person.addressee]).done();
        self.staff(body, &["audit", "search", "--from", "2020-01-01", "--until", "2099-01-01"]).done();
        self.staff(body, &["person", "undisclose", &person.addressee]).done();
    }
}
