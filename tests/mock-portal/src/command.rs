//! The one-shot commands: a call to the running portal, its outcome on the screen or as one JSON line.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::cli::{Action, PersonAction, PersonAddArgs, PersonReissueArgs, RecordsArgs};
use crate::client::Client;
use crate::failure::Failure;
use crate::protocol::{Command, Done, PersonEntry, PersonRow, ReceiptFile};
use crate::records::{files, offline};
use crate::screen;
use crate::socket::line;

const HEADER: [&str; 2] = ["integrated_addressee_number", "acquisition_number"];

/// Performs a one-shot command.
pub(crate) async fn perform(action: Action, socket: &Path, json: bool) -> Result<(), Failure> {
    let command = match action {
        Action::Serve => return Err(Failure::usage("serve is not a one-shot command")),
        Action::Person(PersonAction::Add(add)) => {
            return add_persons(&connect(socket).await?, add, json).await;
        }
        Action::Person(PersonAction::Reissue(reissue)) => {
            return self::reissue(&connect(socket).await?, reissue, json).await;
        }
        Action::Person(PersonAction::List(list)) => {
            return list_persons(&connect(socket).await?, &list.body, json).await;
        }
        Action::SelfInfo(arguments) => arguments.into_command(),
        Action::Records(arguments) => return records(&connect(socket).await?, &arguments, json).await,
        Action::VerifyReceipts(arguments) => return verify_receipts(&arguments.folder, json),
        Action::Notices(who) => Command::Notices { person: who.person },
        Action::Logout(who) => Command::Logout { person: who.person },
        Action::Read(arguments) => {
            arguments.into_command().ok_or_else(|| Failure::usage("read needs a notice id"))?
        }
        Action::Answer(arguments) => arguments
            .into_command()
            .ok_or_else(|| Failure::usage("answer needs one notice id and one choice"))?,
    };
    let done = connect(socket).await?.call_once(command).await?;
    show(&done, json)
}

async fn connect(socket: &Path) -> Result<Client, Failure> {
    Client::connect(socket).await
}

fn show(done: &Done, json: bool) -> Result<(), Failure> {
    if !json {
        return print(screen::text(done).as_bytes());
    }
    match done {
        Done::SelfInfo(answer) => print_json(answer),
        Done::Records(records) => print_json(records),
        Done::Notices(list) => print_json(list),
        Done::Read(notice) => print_json(notice),
        Done::Answered(answered) => print_json(answered),
        Done::LoggedOut(done) => print_json(done),
        Done::PersonsAdded | Done::PersonsReissued | Done::PersonsListed => Ok(()),
    }
}

async fn records(client: &Client, arguments: &RecordsArgs, json: bool) -> Result<(), Failure> {
    let (person, body) = (&arguments.who.person, arguments.body.as_deref());
    let records = match &arguments.out {
        Some(folder) => {
            let mut take = |received: Vec<ReceiptFile>| files::write(folder, &received);
            client.records(person, body, arguments.verify, Some(&mut take)).await?
        }
        None => client.records(person, body, arguments.verify, None).await?,
    };
    show(&Done::Records(records), json)
}

/// Verifies the receipts in a folder, with the keys beside them.
pub(crate) fn verify_receipts(folder: &Path, json: bool) -> Result<(), Failure> {
    let verified = offline::verify(folder)?;
    if json { print_json(&verified) } else { print(screen::receipts(&verified).as_bytes()) }
}

/// Shows a failure: a line of JSON where asked for, and always a text on standard error.
pub(crate) fn show_failure(failure: &Failure, json: bool) {
    if json {
        let Failure { code, message, .. } = failure;
        // A closed standard output cannot be reported anywhere better than by the exit status.
        let _ = print_json(&serde_json::json!({ "result": code, "code": code, "message": message }));
    }
    let _ = writeln!(io::stderr(), "{failure}");
}

#[derive(Serialize)]
struct Added<'a> {
    added: u64,
    out: String,
    first: Option<&'a str>,
    last: Option<&'a str>,
}

async fn add_persons(client: &Client, add: PersonAddArgs, json: bool) -> Result<(), Failure> {
    let mut file = AcquisitionFile::create(&add.out)?;
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {per_sec} {eta}");
    let progress =
        ProgressBar::new(add.count).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    progress.enable_steady_tick(Duration::from_millis(200));
    let added = client
        .add_persons(&add.body, add.count, |rows| {
            file.write(&rows)?;
            progress.set_position(file.added);
            Ok(())
        })
        .await;
    progress.finish_and_clear();
    added?;
    show_file(&file.finish()?, "人を追加しました", json)
}

async fn reissue(client: &Client, reissue: PersonReissueArgs, json: bool) -> Result<(), Failure> {
    let mut file = AcquisitionFile::create(&reissue.out)?;
    client.reissue(&reissue.body, reissue.first, |rows| file.write(&rows)).await?;
    show_file(&file.finish()?, "人の取得番号を再発行しました", json)
}

fn show_file(file: &AcquisitionFile, done: &str, json: bool) -> Result<(), Failure> {
    let (first, last) = (file.first.as_deref(), file.last.as_deref());
    let out = file.out.display();
    if json {
        return print_json(&Added { added: file.added, out: out.to_string(), first, last });
    }
    let (first, last) = (first.unwrap_or("-"), last.unwrap_or("-"));
    print(format!("{}{done}（{first} 〜 {last}）。取得番号: {out}\n", file.added).as_bytes())
}

/// The file of acquisition numbers: written beside its place and moved there when whole.
struct AcquisitionFile {
    writer: csv::Writer<std::fs::File>,
    part: PathBuf,
    out: PathBuf,
    added: u64,
    first: Option<String>,
    last: Option<String>,
}

impl AcquisitionFile {
    fn create(out: &Path) -> Result<Self, Failure> {
        let mut part = out.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        let file = std::fs::File::create(&part).map_err(|error| cannot_write(out, &error))?;
        let mut writer = csv::Writer::from_writer(file);
        writer.write_record(HEADER).map_err(|error| cannot_write(out, &error))?;
        Ok(Self { writer, part, out: out.to_owned(), added: 0, first: None, last: None })
    }

    fn write(&mut self, rows: &[PersonRow]) -> Result<(), Failure> {
        for row in rows {
            let fields = [&row.integrated_addressee_number, &row.acquisition_number];
            self.writer.write_record(fields).map_err(|error| cannot_write(&self.out, &error))?;
            self.added += 1;
            self.first.get_or_insert_with(|| row.integrated_addressee_number.clone());
        }
        if let Some(row) = rows.last() {
            self.last = Some(row.integrated_addressee_number.clone());
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Self, Failure> {
        let moved = self
            .writer
            .flush()
            .and_then(|()| self.writer.get_ref().sync_all())
            .and_then(|()| std::fs::rename(&self.part, &self.out));
        moved.map_err(|error| cannot_write(&self.out, &error))?;
        Ok(self)
    }
}

impl Drop for AcquisitionFile {
    fn drop(&mut self) {
        // Already moved to its place where all went well.
        let _ = std::fs::remove_file(&self.part);
    }
}

fn cannot_write(out: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::internal(format!("{}: {error}", out.display()))
}

async fn list_persons(client: &Client, body: &str, json: bool) -> Result<(), Failure> {
    let mut first = true;
    let listed = client.list_persons(body, |entries| {
        let mut text = Vec::new();
        for entry in entries {
            list_entry(&mut text, &entry, json, first)?;
            first = false;
        }
        print(&text)
    });
    listed.await?;
    match (json, first) {
        (true, true) => print(b"{\"persons\":[]}\n"),
        (true, false) => print(b"]}\n"),
        (false, _) => Ok(()),
    }
}

fn list_entry(text: &mut Vec<u8>, entry: &PersonEntry, json: bool, first: bool) -> Result<(), Failure> {
    let written = if json {
        text.extend_from_slice(if first { b"{\"persons\":[" } else { b"," });
        serde_json::to_writer(text, entry).map_err(io::Error::from)
    } else {
        writeln!(text, "{}　{}", entry.person, entry.integrated_addressee_number)
    };
    written.map_err(|error| Failure::internal(error.to_string()))
}

fn print_json<T: Serialize>(value: &T) -> Result<(), Failure> {
    let line = line::encode(value).map_err(|error| Failure::internal(error.to_string()))?;
    print(&line)
}

fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)
        .and_then(|()| out.flush())
        .map_err(|error| Failure::internal(format!("standard output: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: &str) -> PersonRow {
        PersonRow { integrated_addressee_number: number.into(), acquisition_number: "aq1,x".into() }
    }

    #[test]
    fn the_acquisition_file_appears_whole_with_its_exact_header() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("a.csv");
        let mut file = AcquisitionFile::create(&out).unwrap();
        file.write(&[row("000009820160101"), row("000009820160102")]).unwrap();
        assert!(!out.exists());
        let file = file.finish().unwrap();
        assert_eq!(file.last.as_deref(), Some("000009820160102"));
        let text = std::fs::read_to_string(&out).unwrap();
        let expected = "integrated_addressee_number,acquisition_number\n\
                        000009820160101,\"aq1,x\"\n000009820160102,\"aq1,x\"\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn an_interrupted_file_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("a.csv");
        drop(AcquisitionFile::create(&out).unwrap());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
