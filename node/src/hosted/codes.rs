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

use crate::access::grant::{Grant, Write};
use crate::hosted::HostedBody;
use crate::hosted::persons::{Loaded, PersonRef};
use crate::hosted::rows::RowError;

/// A page of aliases by code, in the order of their rows.
pub struct CodePage {
    /// The persons whose own code is still of this version.
    pub behind: Vec<Loaded>,
    /// Behind which row the next page begins; `None` behind the last.
    pub next: Option<RowKey>,
    rows: Vec<RowKey>,
}

impl CodePage {
    /// Whether there is no alias on it.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// A person's code, and the one in the newer version.
pub type Renewed = (Loaded, PersonCode);

impl HostedBody {
    /// At most `limit` aliases by codes of `version`, behind the row `after`.
    pub async fn code_page(
        &self,
        grant: &Grant<Write>,
        version: u8,
        after: Option<&RowKey>,
        limit: usize,
    ) -> Result<CodePage, RowError> {
        let rows = self.scan(&Self::codes_of_version(version), after, limit).await?;
        let mut page = CodePage { behind: Vec::new(), next: rows.next(), rows: Vec::new() };
        for (row, stored) in rows.rows {
            let person = match self.led(Space::PersonByCode, &row, &Some(stored)).await? {
                Some(person) => self.load_person(grant, &person).await?,
                None => None,
            };
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
            let Some(mut person) = self.load_person(grant, &before.record.person).await? else { continue };
            if person.version != before.version {
                done.left += 1;
                continue;
            }
            let alias = self.code_row(code);
            let stored = self.get_row(&alias).await?;
            match self.led(Space::PersonByCode, &alias, &stored).await? {
                Some(other) if other != person.record.person => {
                    done.taken += 1;
                    continue;
                }
                None if !given.insert(*code) => {
                    done.taken += 1;
                    continue;
                }
                Some(_) => {}
                None => batch = self.put_code(batch, code, &person.record.person).await?,
            }
            person.record.code = *code;
            batch = self.put_person(batch, &person).await?;
            done.renewed += 1;
        }
        if done.renewed > 0 {
            self.apply(batch).await?;
        }
        Ok(done)
    }

    /// Adds a new alias by code to `batch`, which fails where there is one already.
    pub(crate) async fn put_code(
        &self,
        batch: Batch,
        code: &PersonCode,
        person: &PersonRef,
    ) -> Result<Batch, RowError> {
        let row = self.code_row(code);
        let batch = batch.require_absent(row.clone());
        self.put(batch, Space::PersonByCode, row, Self::person_seal(person), person).await
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
    use crate::access::grant::duty_write;
    use crate::hosted::persons::PersonRecord;
    use crate::hosted::samples::Sample;

    const PAGE: usize = 2;

    fn newer(person: &Loaded) -> PersonCode {
        let mut code = person.record.code;
        code.0[0] += 1;
        code
    }

    /// Every alias of `version`, page by page; the persons who are behind.
    async fn behind(grant: &Grant<Write>, version: u8) -> Vec<Loaded> {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = grant.body().code_page(grant, version, after.as_ref(), PAGE).await.unwrap();
            all.extend(page.behind);
            match page.next {
                Some(next) => after = Some(next),
                None => return all,
            }
        }
    }

    async fn found(grant: &Grant<Write>, codes: &[PersonCode]) -> Option<PersonRecord> {
        let codes = codes.iter().copied();
        let found = grant.body().person_with_documents(grant, codes, &[]).await.unwrap();
        found.map(|found| found.record)
    }

    async fn persons(sample: &Sample, count: u8) {
        for last in 1..=count {
            let record = sample.enroll("982016", last).await;
            // All of one version: the first byte of a sample's code is its number.
            let body = sample.body("982016");
            let grant = duty_write(&sample.scope("982016"), "test");
            let mut person = body.load_person(&grant, &record.person).await.unwrap().unwrap();
            person.record.code.0[0] = 1;
            let mut batch = body.put_person(Batch::new(), &person).await.unwrap();
            // A sample whose number is 1 has its alias already.
            if last != 1 {
                batch = batch.delete(body.code_row(&record.code));
                batch = body.put_code(batch, &person.record.code, &record.person).await.unwrap();
            }
            body.apply(batch).await.unwrap();
        }
    }

    #[tokio::test]
    async fn persons_are_found_by_both_codes_until_the_older_version_is_over() {
        let sample = Sample::new().await;
        persons(&sample, 5).await;
        let grant = duty_write(&sample.scope("982016"), "test");
        let body = grant.body();
        let before = behind(&grant, 1).await;
        assert_eq!(before.len(), 5);
        let renewed: Vec<_> = before.iter().map(|person| (person.clone(), newer(person))).collect();
        let done = body.renew_codes(&grant, &renewed[..3]).await.unwrap();
        assert_eq!(done, NewCodes { renewed: 3, ..NewCodes::default() });
        assert_eq!(behind(&grant, 1).await.len(), 2, "taken up where it was left");
        body.renew_codes(&grant, &renewed[3..]).await.unwrap();
        assert!(behind(&grant, 1).await.is_empty());
        for (person, code) in &renewed {
            for code in [person.record.code, *code] {
                let found = found(&grant, &[code]).await.unwrap();
                assert_eq!(found.person, person.record.person);
                assert_eq!(version_of(&found.code.0), 2);
            }
        }
        loop {
            let page = body.code_page(&grant, 1, None, PAGE).await.unwrap();
            if page.is_empty() {
                break;
            }
            body.drop_codes(&grant, &page).await.unwrap();
        }
        for (person, code) in &renewed {
            assert!(found(&grant, &[person.record.code]).await.is_none());
            assert!(found(&grant, &[person.record.code, *code]).await.is_some());
        }
    }

    #[tokio::test]
    async fn a_person_who_was_changed_meanwhile_is_left_for_the_next_time() {
        let sample = Sample::new().await;
        persons(&sample, 1).await;
        let grant = duty_write(&sample.scope("982016"), "test");
        let body = grant.body();
        let [stale] = behind(&grant, 1).await.try_into().ok().unwrap();
        let mut changed = stale.clone();
        changed.record.flags.block(&[]);
        body.apply(body.put_person(Batch::new(), &changed).await.unwrap()).await.unwrap();
        let code = newer(&stale);
        assert_eq!(
            body.renew_codes(&grant, &[(stale, code)]).await.unwrap(),
            NewCodes { left: 1, ..NewCodes::default() }
        );
        let [current] = behind(&grant, 1).await.try_into().ok().unwrap();
        assert_eq!(body.renew_codes(&grant, &[(current, code)]).await.unwrap().renewed, 1);
        let found = found(&grant, &[code]).await.unwrap();
        assert_eq!(found.flags, changed.record.flags, "what was changed meanwhile is kept");
    }

    #[tokio::test]
    async fn r30_a_code_that_is_somebody_elses_is_not_taken() {
        let sample = Sample::new().await;
        persons(&sample, 2).await;
        let grant = duty_write(&sample.scope("982016"), "test");
        let [one, other] = behind(&grant, 1).await.try_into().ok().unwrap();
        let code = newer(&one);
        let both = [(one.clone(), code), (other.clone(), code)];
        assert_eq!(grant.body().renew_codes(&grant, &both[..1]).await.unwrap().renewed, 1);
        let done = grant.body().renew_codes(&grant, &both[1..]).await.unwrap();
        assert_eq!(done, NewCodes { taken: 1, ..NewCodes::default() });
        let found = found(&grant, &[code]).await.unwrap();
        assert_eq!(found.person, one.record.person);
    }
}
