//! A body's linkage codes through a rotation: a page of persons gets its codes in a newer version, and the aliases of a
//! version that is over go.
//!
//! What must hold: a person's row and the new alias are written by one batch, so that a person is found by the code the
//! row names; nothing else of a person is touched, because everything is bound to the internal id. Broken off anywhere,
//! the same steps again finish the work.

use std::collections::HashSet;

use chukei_crypto::person_code::version_of;
use chukei_store::{Batch, RowKey, Space};
use chukei_wire::header::PersonCode;

use crate::access::decision::{Grant, Write};
use crate::hosted::HostedBody;
use crate::hosted::persons::{Loaded, PersonRef};
use crate::hosted::rows::RowError;

/// A page of aliases by code, in the order of their rows.
pub struct CodePage {
    /// The persons whose own code is still of this version.
    pub behind: Vec<Loaded>,
    rows: Vec<RowKey>,
}

impl CodePage {
    /// Where the next page begins; `None` where there was nothing on this one.
    pub fn last(&self) -> Option<&RowKey> {
        self.rows.last()
    }
}

/// A person's code, and the one in the newer version.
pub type Renewed = (Loaded, PersonCode);

impl HostedBody {
    /// At most `limit` aliases by codes of `version`, behind the row `after`.
    pub fn code_page(
        &self,
        grant: &Grant<Write>,
        version: u8,
        after: Option<&RowKey>,
        limit: usize,
    ) -> Result<CodePage, RowError> {
        let mut page = CodePage { behind: Vec::new(), rows: Vec::new() };
        for (row, stored) in self.scan(&Self::codes_of_version(version), after, limit)? {
            let person: PersonRef = self.open_value(Space::PersonByCode, &row, &stored.value)?;
            let person = self.load_person(grant, &person)?;
            page.behind.extend(person.filter(|person| version_of(&person.record.code.0) == version));
            page.rows.push(row);
        }
        Ok(page)
    }

    /// Gives persons their newer codes, all in one batch. Persons who were changed meanwhile are left as they are, for
    /// the next time; a code that leads to somebody else is not taken (R30).
    pub async fn renew_codes(&self, grant: &Grant<Write>, renewed: &[Renewed]) -> Result<NewCodes, RowError> {
        let _writing = self.writing().await;
        let mut batch = Batch::new();
        let (mut done, mut given) = (NewCodes::default(), HashSet::new());
        for (before, code) in renewed {
            let Some(mut person) = self.load_person(grant, &before.record.person)? else { continue };
            if person.version != before.version {
                done.left += 1;
                continue;
            }
            let alias = self.code_row(code);
            let stored = self.get_row(&alias)?;
            match self.open_row::<PersonRef>(Space::PersonByCode, &alias, &stored)? {
                Some(other) if other != person.record.person => {
                    done.taken += 1;
                    continue;
                }
                None if !given.insert(*code) => {
                    done.taken += 1;
                    continue;
                }
                Some(_) => {}
                None => batch = self.put_code(batch, code, &person.record.person)?,
            }
            person.record.code = *code;
            batch = self.put_person(batch, &person)?;
            done.renewed += 1;
        }
        if done.renewed > 0 {
            self.apply(batch).await?;
        }
        Ok(done)
    }

    /// Adds a new alias by code to `batch`, which fails where there is one already.
    pub(crate) fn put_code(
        &self,
        batch: Batch,
        code: &PersonCode,
        person: &PersonRef,
    ) -> Result<Batch, RowError> {
        let row = self.code_row(code);
        let batch = batch.require_absent(row.clone());
        self.put(batch, Space::PersonByCode, row, Self::ALIAS, person)
    }

    /// Removes a page of aliases.
    pub async fn drop_codes(&self, _grant: &Grant<Write>, page: &CodePage) -> Result<(), RowError> {
        self.apply(page.rows.iter().fold(Batch::new(), |batch, row| batch.delete(row.clone()))).await
    }
}

/// What became of renewed codes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NewCodes {
    /// Persons who have their newer code.
    pub renewed: u64,
    /// Codes that lead to somebody else.
    pub taken: u64,
    /// Persons who were changed meanwhile.
    pub left: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::decision::duty_write;
    use crate::hosted::samples::Sample;

    const PAGE: usize = 2;

    fn newer(person: &Loaded) -> PersonCode {
        let mut code = person.record.code;
        code.0[0] += 1;
        code
    }

    /// Every alias of `version`, page by page; the persons who are behind.
    fn behind(grant: &Grant<Write>, version: u8) -> Vec<Loaded> {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = grant.body().code_page(grant, version, after.as_ref(), PAGE).unwrap();
            let Some(last) = page.last().cloned() else { return all };
            after = Some(last);
            all.extend(page.behind);
        }
    }

    async fn persons(sample: &Sample, count: u8) {
        for last in 1..=count {
            let record = sample.enroll("982016", last).await;
            // All of one version: the first byte of a sample's code is its number.
            let body = sample.body("982016");
            let grant = duty_write(&sample.scope("982016"), "test");
            let mut person = body.load_person(&grant, &record.person).unwrap().unwrap();
            person.record.code.0[0] = 1;
            let batch = body.put_person(Batch::new(), &person).unwrap().delete(body.code_row(&record.code));
            let batch = body.put_code(batch, &person.record.code, &record.person);
            // A sample whose number is 1 has its alias already.
            match last {
                1 => body.apply(body.put_person(Batch::new(), &person).unwrap()).await.unwrap(),
                _ => body.apply(batch.unwrap()).await.unwrap(),
            }
        }
    }

    #[tokio::test]
    async fn persons_are_found_by_both_codes_until_the_older_version_is_over() {
        let sample = Sample::new();
        persons(&sample, 5).await;
        let grant = duty_write(&sample.scope("982016"), "test");
        let body = grant.body();
        let before = behind(&grant, 1);
        assert_eq!(before.len(), 5);
        let renewed: Vec<_> = before.iter().map(|person| (person.clone(), newer(person))).collect();
        let done = body.renew_codes(&grant, &renewed[..3]).await.unwrap();
        assert_eq!(done, NewCodes { renewed: 3, ..NewCodes::default() });
        assert_eq!(behind(&grant, 1).len(), 2, "taken up where it was left");
        body.renew_codes(&grant, &renewed[3..]).await.unwrap();
        assert!(behind(&grant, 1).is_empty());
        for (person, code) in &renewed {
            for code in [person.record.code, *code] {
                let found = body.person_by_codes(&grant, [code]).unwrap().unwrap();
                assert_eq!(found.person, person.record.person);
                assert_eq!(version_of(&found.code.0), 2);
            }
        }
        loop {
            let page = body.code_page(&grant, 1, None, PAGE).unwrap();
            if page.last().is_none() {
                break;
            }
            body.drop_codes(&grant, &page).await.unwrap();
        }
        for (person, code) in &renewed {
            assert!(body.person_by_codes(&grant, [person.record.code]).unwrap().is_none());
            assert!(body.person_by_codes(&grant, [person.record.code, *code]).unwrap().is_some());
        }
    }

    #[tokio::test]
    async fn a_person_who_was_changed_meanwhile_is_left_for_the_next_time() {
        let sample = Sample::new();
        persons(&sample, 1).await;
        let grant = duty_write(&sample.scope("982016"), "test");
        let body = grant.body();
        let [stale] = behind(&grant, 1).try_into().ok().unwrap();
        let mut changed = stale.clone();
        changed.record.flags.block(&[]);
        body.apply(body.put_person(Batch::new(), &changed).unwrap()).await.unwrap();
        let code = newer(&stale);
        assert_eq!(
            body.renew_codes(&grant, &[(stale, code)]).await.unwrap(),
            NewCodes { left: 1, ..NewCodes::default() }
        );
        let [current] = behind(&grant, 1).try_into().ok().unwrap();
        assert_eq!(body.renew_codes(&grant, &[(current, code)]).await.unwrap().renewed, 1);
        let found = body.person_by_codes(&grant, [code]).unwrap().unwrap();
        assert_eq!(found.flags, changed.record.flags, "what was changed meanwhile is kept");
    }

    #[tokio::test]
    async fn r30_a_code_that_is_somebody_elses_is_not_taken() {
        let sample = Sample::new();
        persons(&sample, 2).await;
        let grant = duty_write(&sample.scope("982016"), "test");
        let [one, other] = behind(&grant, 1).try_into().ok().unwrap();
        let code = newer(&one);
        let both = [(one.clone(), code), (other.clone(), code)];
        assert_eq!(grant.body().renew_codes(&grant, &both[..1]).await.unwrap().renewed, 1);
        let done = grant.body().renew_codes(&grant, &both[1..]).await.unwrap();
        assert_eq!(done, NewCodes { taken: 1, ..NewCodes::default() });
        let found = grant.body().person_by_codes(&grant, [code]).unwrap().unwrap();
        assert_eq!(found.person, one.record.person);
    }
}
