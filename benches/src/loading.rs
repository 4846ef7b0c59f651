//! Persons and copies, made and registered by the commands that staff use.

use std::path::PathBuf;

use chukei_domain::catalogue::{Item, ItemKind};
use chukei_harness::command::{Report, portal, staff};
use chukei_harness::layout::Layout;

use crate::Failure;

/// The columns of a file of copies.
pub const HEADER: &str = "record_id,local_body_code,integrated_addressee_number,info_name_code,\
    info_item_code,record_key,layout_version,publication_date,publication_end_date,delete,reason_of_null,value";

/// A value that `item` takes; `text` is for items of text.
pub fn value(item: &Item, text: &str) -> String {
    let whole = match item.kind {
        ItemKind::Text => text,
        ItemKind::Number => "1234567",
        ItemKind::Date => "20240401",
        ItemKind::Code => "A1B2C3D4",
    };
    whole.chars().take(item.max_length).collect()
}

/// Makes new persons; the file of their acquisition numbers.
pub fn add(layout: &Layout, body: &str, count: usize) -> Result<PathBuf, Failure> {
    let file = layout.dir().join(format!("persons-{body}.csv"));
    let shown = file.display().to_string();
    let args = ["person", "add", "--count", &count.to_string(), "--body", body, "--out", &shown];
    expect(&portal(layout, &args)?.done()?, "added", count)?;
    Ok(file)
}

/// Enrols the persons of a file.
pub fn enrol(layout: &Layout, body: &str, file: &std::path::Path, count: usize) -> Result<(), Failure> {
    let shown = file.display().to_string();
    expect(&staff(layout, body, &["person", "enroll", &shown])?.done()?, "enrolled", count)
}

/// Imports rows, all of which must be registered.
pub fn import(layout: &Layout, body: &str, name: &str, rows: &str, count: usize) -> Result<(), Failure> {
    let file = layout.dir().join(format!("{name}.csv"));
    std::fs::write(&file, rows)?;
    let shown = file.display().to_string();
    expect(&staff(layout, body, &["copy", "import", &shown])?.done()?, "registered", count)
}

/// The addressee numbers of a file of acquisition numbers.
pub fn addressees(file: &std::path::Path) -> Result<Vec<String>, Failure> {
    let text = std::fs::read_to_string(file)?;
    Ok(text.lines().skip(1).filter_map(|line| Some(line.split_once(',')?.0.to_owned())).collect())
}

fn expect(report: &Report, what: &str, count: usize) -> Result<(), Failure> {
    let found = report.count(what);
    if found == u64::try_from(count).ok() {
        Ok(())
    } else {
        Err(format!("{what}: {found:?}, not {count}").into())
    }
}
